"""Put a bundle into a registry.

Reads:   a bundle's folder, of which every byte is checked first
Gives:   a version
Never:   changes a version that is there
"""

from pathlib import Path
from typing import NamedTuple

from sentire.bundle.manifest import MANIFEST_NAME
from sentire.bundle.store import read_bundle
from sentire.errors import BundleDamaged
from sentire.registry.base import Artifact, Registry
from sentire.registry.download import check_names
from sentire.registry.records import is_version
from sentire.types import ModelInfo


class PushResult(NamedTuple):
    """What became of a push."""

    info: ModelInfo
    is_new: bool
    """Whether it was not there before."""


def push(registry: Registry, folder: Path) -> PushResult:
    """Push a bundle under its own name and version. What an interrupted push left is used.

    Raises
    ------
    BundleError
        There is no bundle, or it is of another text path.
    BundleDamaged
        A file is missing or altered, or its version or a file's name fits no registry.
    VersionTaken
        Another bundle has that version.
    """
    bundle = read_bundle(folder)
    info = bundle.info
    if not is_version(info.version):
        raise BundleDamaged(folder, f"its version {info.version!r} is too long for a registry")
    check_names(str(folder), bundle.manifest)
    artifact = Artifact(info.name, info.version, (folder / MANIFEST_NAME).read_bytes())
    return PushResult(info, registry.publish(artifact, folder, bundle.manifest.files))
