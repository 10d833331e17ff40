"""Bring a version from a registry to this disk.

Reads:   a registry, which is trusted in nothing but the digest that was asked for
Gives:   a bundle's folder, in one step, when every byte of it was checked
Never:   writes outside that folder; takes more bytes than allowed; starts anew what was interrupted
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from sentire.atomic import place_folder
from sentire.bundle.manifest import MANIFEST_NAME, Manifest, decode_manifest, digest_of
from sentire.bundle.store import file_sha256, read_manifest
from sentire.errors import BundleDamaged, OptionError, OutputError
from sentire.io.failures import unwritable
from sentire.progress import Progress
from sentire.registry.base import Artifact, ReadableRegistry
from sentire.registry.folder_lock import lock_folder

MAX_BYTES = 8 << 30
"""Of one version; the shipped one has some 30 MB."""
_MAX_FILES = 1000
_PART = ".sentire-part-"


class PullSource(NamedTuple):
    """A version that is to be pulled."""

    registry: ReadableRegistry
    artifact: Artifact
    manifest: Manifest
    sizes: dict[str, int]

    @property
    def digest(self) -> str:
        """Of ``bundle.json``."""
        return digest_of(self.artifact.data)


def open_source(
    registry: ReadableRegistry, name: str, version: str, *, digest: str | None = None
) -> PullSource:
    """Read the manifest of a version, and check what it asks of this machine.

    Parameters
    ----------
    registry : ReadableRegistry
    name, version : str
    digest : str, optional
        What its manifest must have.

    Raises
    ------
    BundleDamaged
        It is not the manifest of that version, or names files that no bundle has.
    """
    artifact = registry.artifact(name, version)
    where = f"{registry.url}/{artifact}"
    if digest is not None and digest_of(artifact.data) != digest:
        raise BundleDamaged(
            where, f"its digest is {digest_of(artifact.data)[:19]}…, expected is {digest[:19]}…"
        )
    try:
        manifest = decode_manifest(artifact.data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleDamaged(where, f"{MANIFEST_NAME} is not valid: {error}") from None
    if (manifest.name, manifest.version) != (name, version):
        raise BundleDamaged(where, f"it calls itself {manifest.name}@{manifest.version}")
    check_names(where, manifest)
    sizes = registry.sizes(artifact, manifest)
    if sum(sizes.values()) > MAX_BYTES:
        raise BundleDamaged(where, f"it has more than {MAX_BYTES >> 30} GiB")
    return PullSource(registry, artifact, manifest, sizes)


def check_names(where: str, manifest: Manifest) -> None:
    """Refuse files that would lie outside the bundle, or pass for something else.

    Raises
    ------
    BundleDamaged
        The message names the first of them.
    """
    if len(manifest.files) > _MAX_FILES:
        raise BundleDamaged(where, f"it has more than {_MAX_FILES} files")
    for name in manifest.files:
        path = PurePosixPath(name)
        plain = (
            name.isprintable()
            and not set(name) & set('\\:*?"<>|')
            and name == str(path)
            and not path.is_absolute()
            and not {".", ".."} & set(path.parts)
            and all(0 < len(part.encode()) < 200 for part in path.parts)
            and len(name) < 500
        )
        if not plain or name == MANIFEST_NAME or name.startswith(_PART):
            raise BundleDamaged(where, f"the manifest names {name!r}, which no bundle may hold")
    folders = {str(parent) for name in manifest.files for parent in PurePosixPath(name).parents}
    if folders & set(manifest.files):
        raise BundleDamaged(where, "the manifest names a file that is a folder as well")


def pull(source: PullSource, into: Path, *, progress: Progress | None = None) -> Path:
    """Bring a version into a new folder.

    Files are gathered in a hidden folder beside ``into``, which is renamed at the end. Whoever
    pulls the same again after an interruption goes on there, in the middle of a file; two who pull
    at once wait for each other.

    Raises
    ------
    BundleDamaged
        A file is not what the manifest says, also when it is fetched once more.
    OptionError
        Something else is at ``into``.
    OutputError
        There is no space or no permission.
    """
    into = into.expanduser().absolute()
    staging = into.with_name(f".{into.name}.{source.digest[7:19]}.pull")
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        while not _is_there(source, into):
            with lock_folder(staging) as is_ours:
                if is_ours:
                    _gather(source, staging, progress or (lambda *_: None))
                    place_folder(staging, into)
                    break
    except OSError as error:
        raise OutputError(unwritable(into, error)) from error
    return into


def _is_there(source: PullSource, into: Path) -> bool:
    """Whether the version is at ``into``; another thing there is an error."""
    if not into.exists() or (into.is_dir() and not any(into.iterdir())):
        return False
    if (into / MANIFEST_NAME).is_file() and read_manifest(into)[1].digest == source.digest:
        return True
    raise OptionError(
        f"{into} is there already, and is not {source.artifact}. Name another folder."
    )


def _gather(source: PullSource, staging: Path, progress: Progress) -> None:
    total, done = sum(source.sizes.values()), 0
    for name, digest in source.manifest.files.items():
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        size = source.sizes[name]
        if not (target.is_file() and file_sha256(target) == digest):
            part = staging / f"{_PART}{digest[:16]}"
            _fetch(source, name, part, partial(_tell, progress, done, total))
            part.replace(target)
        done += size
        progress(done, total)
    for left in staging.glob(f"{_PART}*"):
        left.unlink()
    (staging / MANIFEST_NAME).write_bytes(source.artifact.data)


def _tell(progress: Progress, before: int, total: int, n_bytes: int) -> None:
    progress(before + n_bytes, total)


def _fetch(source: PullSource, name: str, part: Path, progress: Callable[[int], None]) -> None:
    """Fetch a file, going on where it was left; what turns out wrong then is fetched from 0."""
    size, digest = source.sizes[name], source.manifest.files[name]
    while True:
        offset = part.stat().st_size if part.exists() else 0
        if offset > size:
            part.unlink()
            offset = 0
        done = offset
        with part.open("ab") as file:
            for chunk in source.registry.stream(source.artifact, name, digest, offset):
                done += len(chunk)
                if done > size:
                    break
                file.write(chunk)
                progress(done)
        if done == size and file_sha256(part) == digest:
            return
        part.unlink()
        if not offset:
            raise BundleDamaged(
                f"{source.registry.url}/{source.artifact}",
                f"{name} is not what its manifest says: it was altered, or cut. Push it again "
                "under a new version.",
            )


def verify(source: PullSource) -> Iterator[tuple[str, bool]]:
    """Read every file of a version where it lies; tell of each whether it is what it should be."""
    for name, expected in source.manifest.files.items():
        found, n_bytes = hashlib.sha256(), 0
        for chunk in source.registry.stream(source.artifact, name, expected, 0):
            found.update(chunk)
            n_bytes += len(chunk)
            if n_bytes > MAX_BYTES:
                break
        yield name, found.hexdigest() == expected
