"""``make serve`` begins with whatever Python is there, if it is new enough."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOO_OLD = "#!/bin/sh\nexit 1\n"
NEW_ENOUGH = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def make(tmp_path):
    """Run make in a fresh clone, where only some Pythons are on the path."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    def run(*words, **pythons):
        programs = tmp_path / "bin"
        programs.mkdir()
        for name in ("sh", "test", "touch", "rm"):
            (programs / name).symlink_to(shutil.which(name))
        for name, script in pythons.items():
            (programs / name.replace("_", ".")).write_text(script)
            (programs / name.replace("_", ".")).chmod(0o755)
        return subprocess.run(
            [shutil.which("make"), *words],
            cwd=tmp_path,
            env={"PATH": str(programs)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("pythons", "chosen"),
    [
        pytest.param({"python3": NEW_ENOUGH, "python3_12": NEW_ENOUGH}, "python3", id="python3"),
        pytest.param({"python3": TOO_OLD, "python3_13": NEW_ENOUGH}, "python3.13", id="by version"),
        pytest.param({"python": NEW_ENOUGH}, "python", id="python"),
    ],
)
def test_the_first_python_that_is_new_enough_makes_the_environment(make, pythons, chosen):
    done = make("--dry-run", "serve", **pythons)
    assert done.returncode == 0, done.stderr
    assert f"{chosen} -m venv .venv" in done.stdout.splitlines()


def test_without_one_it_is_said_what_to_do(make):
    done = make("serve", python3=TOO_OLD)
    assert done.returncode != 0
    assert "sentire needs Python 3.11 or newer" in done.stderr
    assert "make serve PYTHON=" in done.stderr
    assert "-m venv" not in done.stdout
