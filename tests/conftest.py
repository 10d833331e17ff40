"""A bundle that loads at once, for every test of what surrounds a model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sentire
from sentire.inference.analyzer import Analyzer
from tiny import make_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a bundle with polarity and emotion heads that needs no trained model."""
    path = tmp_path_factory.mktemp("bundles") / "tiny"
    make_bundle(path)
    return path


@pytest.fixture(scope="session")
def tiny_analyzer(tiny_bundle: Path) -> Iterator[Analyzer]:
    """An analyzer over the tiny bundle."""
    with sentire.load(tiny_bundle) as analyzer:
        yield analyzer
