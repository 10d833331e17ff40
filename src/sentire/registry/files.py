"""A registry of files, in a directory or an object store.

The layout, below the root::

    sentire-registry.json                   {"format": 1}
    NAME/files/VERSION/DIGEST/…             the bundle's files; DIGEST is of its manifest
    NAME/versions/VERSION.json              its manifest, created last and once: now it is visible
    NAME/aliases/ALIAS/000001.json          the revisions of an alias; the last is where it points

Every file in it is written once and never changed. So there is nothing to lock: of two who make an
alias's seventh revision one creates ``000007.json``, and the other sees that it was late. Two who
push different bundles under one version write to different folders, and one creates the manifest.

Reads:   a :class:`~sentire.registry.blob_store.BlobStore`
Gives:   a :class:`~sentire.registry.base.Registry`
Never:   overwrites; shows a version of which a file is missing
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from sentire.bundle.manifest import Manifest, digest_of
from sentire.errors import NotInRegistry, RegistryUnavailable, VersionTaken
from sentire.registry.base import MANIFEST_BYTES, Artifact
from sentire.registry.blob_store import BlobStore
from sentire.registry.records import (
    ALIAS_PATTERN,
    REVISION_DECODER,
    AliasRevision,
    in_order,
    is_name,
    is_version,
)

MARKER = "sentire-registry.json"
_FORMAT = {"format": 1}
_REVISION_BYTES = 64 << 10
_REVISION = re.compile(r"([0-9]{6,9})\.json")


class FileRegistry:
    """A :class:`~sentire.registry.base.Registry` over files.

    Parameters
    ----------
    store : BlobStore
        What holds the files.
    """

    def __init__(self, store: BlobStore) -> None:
        self.url = store.url
        self._store = store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def names(self) -> list[str]:
        """Name the models."""
        with self._translate_errors():
            self._check()
            return [name for name in self._store.names("") if is_name(name) and name != MARKER]

    def versions(self, name: str) -> list[str]:
        """List the versions of a model, from old to new.

        Raises
        ------
        NotInRegistry
            It has none.
        """
        with self._translate_errors():
            files = self._store.names(f"{name}/versions")
            found = [file.removesuffix(".json") for file in files if file.endswith(".json")]
            versions = in_order([version for version in found if is_version(version)])
            if not versions:
                self._check()
        if not versions:
            raise no_versions(self.url, name)
        return versions

    def artifact(self, name: str, version: str) -> Artifact:
        """Read the manifest of a version.

        Raises
        ------
        NotInRegistry
            There is no such version.
        """
        with self._translate_errors():
            try:
                data = self._store.read(_manifest(name, version), limit=MANIFEST_BYTES)
            except FileNotFoundError:
                data = b""
        if not data:
            known = ", ".join(self.versions(name))
            raise NotInRegistry(f"registry {self.url} has no {name}@{version}. It has {known}.")
        return Artifact(name, version, data)

    def sizes(self, artifact: Artifact, manifest: Manifest) -> dict[str, int]:
        """Tell the bytes of each file of a version."""
        with self._translate_errors():
            return {file: self._store.size(_file(artifact, file)) for file in manifest.files}

    def stream(self, artifact: Artifact, file: str, digest: str, offset: int) -> Iterator[bytes]:  # noqa: ARG002
        """Read a file from ``offset`` on.

        Parameters
        ----------
        artifact, file, digest, offset : as in :meth:`~sentire.registry.base.Registry.stream`
            ``digest`` is not asked: a file is found by its name.
        """
        with self._translate_errors():
            yield from self._store.stream(_file(artifact, file), offset=offset)

    def pushed_at(self, name: str, version: str) -> datetime:
        """Tell when a version came."""
        with self._translate_errors():
            return self._store.changed(_manifest(name, version))

    def publish(self, artifact: Artifact, folder: Path, files: Mapping[str, str]) -> bool:
        """Take a version.

        Parameters
        ----------
        artifact, folder, files : as in :meth:`~sentire.registry.base.Registry.publish`
        """
        with self._translate_errors():
            self._begin()
            if self._taken(artifact):
                return False
            for file in files:
                source, target = folder / file, _file(artifact, file)
                if not self._has(target, source.stat().st_size):
                    self._store.put(target, source)
            try:
                self._store.create(_manifest(artifact.name, artifact.version), artifact.data)
            except FileExistsError:
                return not self._taken(artifact)
        return True

    def remove(self, name: str, version: str) -> None:
        """Take a version away."""
        with self._translate_errors():
            self._store.remove(_manifest(name, version))
            self._store.remove(f"{name}/files/{version}")

    def orphans(self, name: str, *, older_s: float) -> list[str]:
        """List what interrupted pushes left."""
        before = datetime.now(UTC) - timedelta(seconds=older_s)
        found = []
        with self._translate_errors():
            for version in self._store.names(f"{name}/files"):
                try:
                    data = self._store.read(_manifest(name, version), limit=MANIFEST_BYTES)
                    used = _folder(Artifact(name, version, data))
                except FileNotFoundError:
                    used = ""
                top = f"{name}/files/{version}"
                folders = [f"{top}/{digest}" for digest in self._store.names(top)]
                found += [f for f in folders if f != used and self._store.changed(f) < before]
        return found

    def remove_orphan(self, name: str, orphan: str) -> None:  # noqa: ARG002
        """Remove what an interrupted push left."""
        with self._translate_errors():
            self._store.remove(orphan)

    def aliases(self, name: str) -> list[str]:
        """Name the aliases of a model."""
        with self._translate_errors():
            found = self._store.names(f"{name}/aliases")
        return [alias for alias in found if re.fullmatch(ALIAS_PATTERN, alias)]

    def current(self, name: str, alias: str) -> AliasRevision | None:
        """Read the last revision of an alias."""
        with self._translate_errors():
            numbers = self._numbers(name, alias)
            if not numbers:
                self._check()
                return None
            return self._read(name, alias, numbers[-1])

    def history(self, name: str, alias: str) -> list[AliasRevision]:
        """Read all revisions of an alias."""
        with self._translate_errors():
            return [self._read(name, alias, number) for number in self._numbers(name, alias)]

    def append_revision(self, name: str, revision: AliasRevision) -> bool:
        """Add a revision."""
        data = msgspec.json.format(msgspec.json.encode(revision), indent=1) + b"\n"
        with self._translate_errors():
            try:
                self._store.create(_revision_path(name, revision.alias, revision.number), data)
            except FileExistsError:
                return False
        return True

    def _numbers(self, name: str, alias: str) -> list[int]:
        matches = map(_REVISION.fullmatch, self._store.names(f"{name}/aliases/{alias}"))
        return sorted(int(match[1]) for match in matches if match)

    def _read(self, name: str, alias: str, number: int) -> AliasRevision:
        path = _revision_path(name, alias, number)
        try:
            return REVISION_DECODER.decode(self._store.read(path, limit=_REVISION_BYTES))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RegistryUnavailable(
                self.url, f"{path} is no revision of an alias: {error}"
            ) from None

    def _taken(self, artifact: Artifact) -> bool:
        """Whether this very version is there.

        Raises
        ------
        VersionTaken
            Another one is.
        """
        try:
            there = self._store.read(
                _manifest(artifact.name, artifact.version), limit=MANIFEST_BYTES
            )
        except FileNotFoundError:
            return False
        if there != artifact.data:
            raise version_taken(self.url, artifact, digest_of(there))
        return True

    def _has(self, path: str, size: int) -> bool:
        try:
            return self._store.size(path) == size
        except FileNotFoundError:
            return False

    def _begin(self) -> None:
        """Mark the root, so that a mistyped or unmounted one is told from an empty registry."""
        try:
            self._check()
        except RegistryUnavailable:
            try:
                self._store.create(MARKER, msgspec.json.encode(_FORMAT) + b"\n")
            except FileExistsError:
                self._check()

    def _check(self) -> None:
        try:
            data = self._store.read(MARKER, limit=_REVISION_BYTES)
        except FileNotFoundError:
            raise RegistryUnavailable(
                self.url, f"there is no registry: it has no {MARKER}. The first push makes one."
            ) from None
        try:
            found = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            found = None
        if found != _FORMAT:
            raise RegistryUnavailable(
                self.url,
                f"{MARKER} names a format that this sentire does not know. Update sentire.",
            )

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Turn what a store raises into what a registry says."""
        try:
            yield
        except FileNotFoundError as error:
            raise RegistryUnavailable(
                self.url, f"a file is missing: {error.filename or error}"
            ) from error
        except OSError as error:
            raise RegistryUnavailable(self.url, error.strerror or str(error)) from error


def no_versions(url: str, name: str) -> NotInRegistry:
    """Say that there is no such model."""
    return NotInRegistry(
        f"registry {url} has no version of a model {name}. "
        f"See what it has: sentire models list {url}"
    )


def version_taken(url: str, artifact: Artifact, there: str) -> VersionTaken:
    """Say that another bundle has the version.

    Parameters
    ----------
    url : str
        Of the registry.
    artifact : Artifact
        What was to be published.
    there : str
        Digest of the manifest that the version has.
    """
    return VersionTaken(
        f"registry {url} has another {artifact}: its digest is {there[:19]}…, this one's is "
        f"{digest_of(artifact.data)[:19]}…. Versions never change; give the bundle a new version."
    )


def _manifest(name: str, version: str) -> str:
    return f"{name}/versions/{version}.json"


def _folder(artifact: Artifact) -> str:
    digest = digest_of(artifact.data).removeprefix("sha256:")
    return f"{artifact.name}/files/{artifact.version}/{digest}"


def _file(artifact: Artifact, file: str) -> str:
    return f"{_folder(artifact)}/{file}"


def _revision_path(name: str, alias: str, number: int) -> str:
    return f"{name}/aliases/{alias}/{number:06}.json"
