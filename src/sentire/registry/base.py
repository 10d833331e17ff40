"""What every registry can do, wherever it lies.

``files.py`` does it with files (a directory, S3), ``oci.py`` with an OCI registry. What people do
with a registry stands on these few functions: ``download.py``, ``upload.py``, ``aliases.py``,
``garbage.py``, ``follower.py``.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from sentire.bundle.manifest import Manifest
from sentire.registry.records import AliasRevision

CHUNK = 1 << 20
"""Bytes that are read at once."""
MANIFEST_BYTES = 16 << 20
"""No manifest is larger."""


class Artifact(NamedTuple):
    """One version of a model in a registry."""

    name: str
    version: str
    data: bytes
    """Its ``bundle.json``."""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class ReadableRegistry(Protocol):
    """Where versions can be pulled from.

    All functions raise :class:`~sentire.errors.RegistryUnavailable` where it can't be asked, and
    :class:`~sentire.errors.NotInRegistry` where it has no such thing.

    Attributes
    ----------
    url : str
    """

    url: str

    def artifact(self, name: str, version: str) -> Artifact:
        """Read the manifest of a version."""

    def sizes(self, artifact: Artifact, manifest: Manifest) -> dict[str, int]:
        """Tell the bytes of each file of a version, its manifest aside."""

    def stream(self, artifact: Artifact, file: str, digest: str, offset: int) -> Iterator[bytes]:
        """Read a file from ``offset`` on; ``digest`` is the hex SHA-256 that the manifest says."""


class Registry(ReadableRegistry, Protocol):
    """Models, their versions and their aliases; errors are those of its base."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def names(self) -> list[str]:
        """Name the models."""

    def versions(self, name: str) -> list[str]:
        """List the versions of a model, from old to new."""

    def pushed_at(self, name: str, version: str) -> datetime:
        """Tell when a version came."""

    def publish(self, artifact: Artifact, folder: Path, files: Mapping[str, str]) -> bool:
        """Take a version: its files first, and its manifest last, which makes it visible.

        Parameters
        ----------
        artifact : Artifact
        folder : Path
            Of the bundle.
        files : mapping of file to the hex SHA-256 that the manifest says

        Returns
        -------
        False where this very version was there already.

        Raises
        ------
        VersionTaken
            Another bundle has that version.
        """

    def remove(self, name: str, version: str) -> None:
        """Take a version away: its manifest first, so that nobody sees half of it."""

    def orphans(self, name: str, *, older_s: float) -> list[str]:
        """List what interrupted pushes left ``older_s`` seconds ago or longer."""

    def remove_orphan(self, name: str, orphan: str) -> None:
        """Remove what :meth:`orphans` named."""

    def aliases(self, name: str) -> list[str]:
        """Name the aliases of a model."""

    def current(self, name: str, alias: str) -> AliasRevision | None:
        """Read the last revision of an alias; None where there is no such alias."""

    def history(self, name: str, alias: str) -> list[AliasRevision]:
        """Read all revisions of an alias, the first one first."""

    def append_revision(self, name: str, revision: AliasRevision) -> bool:
        """Add a revision; False where another one with its number came first."""
