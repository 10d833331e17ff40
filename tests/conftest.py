"""A bundle that loads at once, for every test of what surrounds a model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sentire
from sentire.inference.analyzer import Analyzer
from sentire.service.models import Models
from tiny import make_bundle

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
