"""Versions of a model, and an alias that names one of them."""

import pytest

from tiny import make_bundle
from versions import point


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
