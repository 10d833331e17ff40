"""A bundle that loads at once, for every test of what surrounds a model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sentire
from sentire.inference.analyzer import Analyzer
from sentire.serving.models import Models
from tiny import make_bundle
from versions import point

pytest_plugins = ["missing"]


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


@pytest.fixture(scope="module")
def tiny_models(tiny_bundle: Path) -> Iterator[Models]:
    """The tiny bundle as a server has it."""
    with Models([str(tiny_bundle)], open_model=sentire.load) as models:
        yield models


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three bundles that differ in their versions."""
    folder = tmp_path_factory.mktemp("made")
    for version in ("1.0.0", "2.0.0"):
        make_bundle(folder / version, version=version)
    make_bundle(folder / "plain", version="3.0.0", emotion=False)
    return folder


@pytest.fixture
def alias(tmp_path, made):
    """An alias file that names the first version."""
    file = tmp_path / "live.txt"
    point(file, made / "1.0.0")
    return file
