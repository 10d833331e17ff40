"""A registry of files, in a directory or an object store.

The layout, below the root::

    sentire-registry.json                   {"format": 1}
    NAME/files/VERSION/DIGEST/…             the bundle's files; DIGEST is of its manifest
    NAME/versions/VERSION.json              its manifest, created last and once: now it is visible
    NAME/aliases/ALIAS/000001.json          the moves of an alias; the last one says where it points

Every file in it is written once and never changed. So there is nothing to lock: of two who make an
alias's seventh move one creates ``000007.json``, and the other sees that it was late. Two who push
different bundles under one version write to different folders, and one creates the manifest.

Reads:   a :class:`~sentire.registry.place.Place`
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
from sentire.registry.base import MANIFEST_BYTES, Held
from sentire.registry.place import Place
from sentire.registry.records import ALIAS_PATTERN, MOVES, Move, in_order, is_name, is_version

MARKER = "sentire-registry.json"
_FORMAT = {"format": 1}
_MOVE_BYTES = 64 << 10
_MOVE = re.compile(r"([0-9]{6,9})\.json")


class FileRegistry:
    """A :class:`~sentire.registry.base.Registry` over files.

    Parameters
    ----------
    place : Place
    """

    def __init__(self, place: Place) -> None:
        self.url = place.url
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def names(self) -> list[str]:
        """Name the models."""
        with self._told():
            self._check()
            return [name for name in self._place.names("") if is_name(name) and name != MARKER]

    def versions(self, name: str) -> list[str]:
        """List the versions of a model, from old to new."""
        with self._told():
            files = self._place.names(f"{name}/versions")
            found = [file.removesuffix(".json") for file in files if file.endswith(".json")]
            versions = in_order([version for version in found if is_version(version)])
            if not versions:
                self._check()
        if not versions:
            raise NotInRegistry(
                f"registry {self.url} has no version of a model {name}. "
                f"See what it has: sentire models list {self.url}"
            )
        return versions

    def held(self, name: str, version: str) -> Held:
        """Read the manifest of a version."""
        with self._told():
            try:
                data = self._place.read(_manifest(name, version), limit=MANIFEST_BYTES)
            except FileNotFoundError:
                data = b""
        if not data:
            known = ", ".join(self.versions(name))
            raise NotInRegistry(f"registry {self.url} has no {name}@{version}. It has {known}.")
        return Held(name, version, data)

    def sizes(self, held: Held, manifest: Manifest) -> dict[str, int]:
        """Tell the bytes of each file of a version."""
        with self._told():
            return {file: self._place.size(_file(held, file)) for file in manifest.files}

    def stream(self, held: Held, file: str, digest: str, offset: int) -> Iterator[bytes]:  # noqa: ARG002
        """Read a file from ``offset`` on."""
        with self._told():
            yield from self._place.stream(_file(held, file), offset=offset)

    def pushed(self, name: str, version: str) -> datetime:
        """Tell when a version came."""
        with self._told():
            return self._place.changed(_manifest(name, version))

    def publish(self, held: Held, folder: Path, files: Mapping[str, str]) -> bool:
        """Take a version."""
        with self._told():
            self._begin()
            if self._taken(held):
                return False
            for file in files:
                source, target = folder / file, _file(held, file)
                if not self._has(target, source.stat().st_size):
                    self._place.put(target, source)
            try:
                self._place.create(_manifest(held.name, held.version), held.data)
            except FileExistsError:
                return not self._taken(held)
        return True

    def remove(self, name: str, version: str) -> None:
        """Take a version away."""
        with self._told():
            self._place.remove(_manifest(name, version))
            self._place.remove(f"{name}/files/{version}")

    def remnants(self, name: str, *, older_s: float) -> list[str]:
        """List what interrupted pushes left."""
        before = datetime.now(UTC) - timedelta(seconds=older_s)
        found = []
        with self._told():
            for version in self._place.names(f"{name}/files"):
                try:
                    data = self._place.read(_manifest(name, version), limit=MANIFEST_BYTES)
                    used = _folder(Held(name, version, data))
                except FileNotFoundError:
                    used = ""
                top = f"{name}/files/{version}"
                folders = [f"{top}/{digest}" for digest in self._place.names(top)]
                found += [f for f in folders if f != used and self._place.changed(f) < before]
        return found

    def discard(self, name: str, remnant: str) -> None:  # noqa: ARG002
        """Take a remnant away."""
        with self._told():
            self._place.remove(remnant)

    def aliases(self, name: str) -> list[str]:
        """Name the aliases of a model."""
        with self._told():
            found = self._place.names(f"{name}/aliases")
        return [alias for alias in found if re.fullmatch(ALIAS_PATTERN, alias)]

    def current(self, name: str, alias: str) -> Move | None:
        """Read the last move of an alias."""
        with self._told():
            numbers = self._numbers(name, alias)
            if not numbers:
                self._check()
                return None
            return self._read(name, alias, numbers[-1])

    def history(self, name: str, alias: str) -> list[Move]:
        """Read all moves of an alias."""
        with self._told():
            return [self._read(name, alias, number) for number in self._numbers(name, alias)]

    def move(self, name: str, move: Move) -> bool:
        """Add a move."""
        data = msgspec.json.format(msgspec.json.encode(move), indent=1) + b"\n"
        with self._told():
            try:
                self._place.create(_move(name, move.alias, move.number), data)
            except FileExistsError:
                return False
        return True

    def _numbers(self, name: str, alias: str) -> list[int]:
        matches = map(_MOVE.fullmatch, self._place.names(f"{name}/aliases/{alias}"))
        return sorted(int(match[1]) for match in matches if match)

    def _read(self, name: str, alias: str, number: int) -> Move:
        path = _move(name, alias, number)
        try:
            return MOVES.decode(self._place.read(path, limit=_MOVE_BYTES))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RegistryUnavailable(self.url, f"{path} is no record of a move: {error}") from None

    def _taken(self, held: Held) -> bool:
        """Whether this very version is there.

        Raises
        ------
        VersionTaken
            Another one is.
        """
        try:
            there = self._place.read(_manifest(held.name, held.version), limit=MANIFEST_BYTES)
        except FileNotFoundError:
            return False
        if there != held.data:
            raise taken(self.url, held, digest_of(there))
        return True

    def _has(self, path: str, size: int) -> bool:
        try:
            return self._place.size(path) == size
        except FileNotFoundError:
            return False

    def _begin(self) -> None:
        """Mark the root, so that a mistyped or unmounted one is told from an empty registry."""
        try:
            self._check()
        except RegistryUnavailable:
            try:
                self._place.create(MARKER, msgspec.json.encode(_FORMAT) + b"\n")
            except FileExistsError:
                self._check()

    def _check(self) -> None:
        try:
            data = self._place.read(MARKER, limit=_MOVE_BYTES)
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
    def _told(self) -> Iterator[None]:
        """Turn what a place raises into what a registry says."""
        try:
            yield
        except FileNotFoundError as error:
            raise RegistryUnavailable(
                self.url, f"a file is missing: {error.filename or error}"
            ) from error
        except OSError as error:
            raise RegistryUnavailable(self.url, error.strerror or str(error)) from error


def taken(url: str, held: Held, there: str) -> VersionTaken:
    """Say that another bundle has the version."""
    return VersionTaken(
        f"registry {url} has another {held}: its digest is {there[:19]}…, this one's is "
        f"{digest_of(held.data)[:19]}…. Versions never change; give the bundle a new version."
    )


def _manifest(name: str, version: str) -> str:
    return f"{name}/versions/{version}.json"


def _folder(held: Held) -> str:
    return f"{held.name}/files/{held.version}/{digest_of(held.data).removeprefix('sha256:')}"


def _file(held: Held, file: str) -> str:
    return f"{_folder(held)}/{file}"


def _move(name: str, alias: str, number: int) -> str:
    return f"{name}/aliases/{alias}/{number:06}.json"
