"""The shipped tables are what the recipe makes of the library's model."""

import runpy
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "src/sentire/text/langid"


def test_the_shipped_tables_are_what_the_recipe_makes(tmp_path):
    runpy.run_path(str(ROOT / "recipes/languages/make.py"))["main"](tmp_path)
    made, shipped = (np.load(folder / "weights.npy") for folder in (tmp_path, SHIPPED))
    assert np.array_equal(made, shipped)
    with np.load(tmp_path / "automaton.npz") as made, np.load(SHIPPED / "automaton.npz") as shipped:
        assert made.files == shipped.files
        for name in made.files:
            assert np.array_equal(made[name], shipped[name]), name
