"""Bundles, and a registry of each kind on a real server."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentire.bundle.store import read_bundle, write_bundle
from sentire.registry.base import Registry
from sentire.registry.references import open_registry
from tiny import make_bundle

VERSIONS = ("1.0.0", "2.0.0", "3.0.0+b.1")
WEIGHTS = 5 << 20
_numbers = itertools.count()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bundles of tiny; the second one has a large file in a folder."""
    folder = tmp_path_factory.mktemp("made")
    for version in VERSIONS:
        make_bundle(folder / version, version=version)
    large = folder / "2.0.0"
    (large / "more").mkdir()
    (large / "more" / "weights.bin").write_bytes(os.urandom(WEIGHTS))
    write_bundle(large, read_bundle(large).manifest)
    return folder


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """Variables that lead to an S3 server."""
    from objectstore import object_store  # needs an extra, which a conftest must not

    with object_store() as variables:
        yield variables


@pytest.fixture(scope="session")
def oci(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``HOST:PORT`` of an OCI registry."""
    from ociregistry import oci_registry

    with oci_registry(tmp_path_factory.mktemp("oci") / "blobs") as host:
        yield host


@pytest.fixture(params=["directory", "s3", "oci"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty registry of each kind."""
    if request.param == "directory":
        yield str(tmp_path / "registry")
    elif request.param == "s3":
        from objectstore import environment

        with environment(request.getfixturevalue("s3")):
            yield f"s3://bucket/models-{next(_numbers)}"
    else:
        yield f"oci://{request.getfixturevalue('oci')}/models-{next(_numbers)}"


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    """An empty registry of each kind."""
    with open_registry(url) as opened:
        yield opened


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry in ``tmp_path/registry``."""
    with open_registry(str(tmp_path / "registry")) as opened:
        yield opened
