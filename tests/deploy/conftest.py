"""The images, built once for all tests that run them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine import Engine
    from images import Images


@pytest.fixture(scope="session")
def engine() -> "Iterator[Engine]":
    """podman and buildah with an empty storage."""
    from engine import open_engine  # needs httpx, which a conftest must not

    with open_engine() as opened:
        yield opened


@pytest.fixture(scope="session")
def images(
    engine: "Engine", tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> "Iterator[Images]":
    """All targets of the Containerfile, in the local storage and in a registry."""
    from images import build_images

    from ociregistry import oci_registry

    folder = tmp_path_factory.mktemp("images")
    kept = pytestconfig.cache.mkdir("base-image")
    with oci_registry(folder / "blobs") as registry:
        yield build_images(engine, registry, folder=folder, kept=kept)
