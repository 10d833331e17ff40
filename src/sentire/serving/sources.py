"""Where a served model comes from, and whether something new is there.

Reads:   ``[NAME=]MODEL``, where MODEL is a packaged model, a bundle's folder, an alias file, or a
         model in a registry
Gives:   the folder of the bundle that it means now, and a signature that changes with its files
Never:   opens the model; takes half a file for a whole one
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import NAME_PATTERN
from sentire.errors import BundleDamaged, BundleNotFound
from sentire.registry.follower import Follower, default_downloads
from sentire.registry.references import Reference, names_registry

_NAMED = re.compile(rf"(?:({NAME_PATTERN})=)?(.+)", re.DOTALL)
_ALIAS_BYTES = 4096
"""No path is longer on Linux; what is larger is no alias."""
_NAME_CHARACTERS = 80
"""Longer names are cut in messages."""


class ModelSource(NamedTuple):
    """A place that a model comes from."""

    name: str | None
    """What it is served as; None is the name that its bundle bears."""
    target: str | None
    """A packaged model's name, ``name@version``, a bundle's folder, an alias file that holds the
    path of one, or ``REGISTRY/NAME@ALIAS``; None is the packaged default model."""

    @classmethod
    def of(cls, written: "str | ModelSource | None") -> Self:
        """Read ``[NAME=]MODEL``.

        Examples
        --------
        >>> ModelSource.of("shop=./bundles/shop")
        ModelSource(name='shop', target='./bundles/shop')
        """
        if written is None or isinstance(written, ModelSource):
            return cls(*(written or (None, None)))
        match = _NAMED.fullmatch(written)
        return cls(match[1], match[2]) if match else cls(None, written)

    def __str__(self) -> str:
        return f"{self.name}={self.target}" if self.name else str(self.target or "zh-en")


class Snapshot(NamedTuple):
    """What was found at a source."""

    path: Path
    """Folder of the bundle."""
    signature: tuple[tuple[str, int, int, int, int], ...]
    """Path, inode, times of change and size of each file in it. The time at which its inode changed
    is among them, so that a file that nobody might read is seen to be readable."""


def snapshot_reader(source: ModelSource, downloads: Path | None = None) -> Callable[[], Snapshot]:
    """Make the function that looks at a source again and again.

    Parameters
    ----------
    source : ModelSource
    downloads : Path, optional
        Folder for what is pulled from a registry; by default in the user's cache folder.
    """
    if source.target is None or not names_registry(source.target):
        return partial(read_snapshot, source)
    follower = Follower(Reference.of(source.target), downloads or default_downloads())

    def pull_snapshot() -> Snapshot:
        path = follower.sync()
        return Snapshot(path, _signature(path))

    return pull_snapshot


def read_snapshot(source: ModelSource) -> Snapshot:
    """Find the bundle that a source means now.

    Raises
    ------
    BundleNotFound
        There is none, or it can't be read.
    BundleDamaged
        The alias file is empty, half written, or no alias.
    """
    path = find_bundle(source.target)
    if path.is_file():
        path = read_alias(path)
    return Snapshot(path, _signature(path))


def read_alias(file: Path) -> Path:
    """Folder that an alias file names: a path, or ``{"bundle": PATH}``; relative to the file.

    Raises
    ------
    BundleNotFound
        The folder is not there, or the file is gone.
    BundleDamaged
        The file is empty, half written, or no alias.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(_ALIAS_BYTES + 1)
    except OSError as error:
        raise BundleNotFound(file, f"can't be read: {error.strerror}") from None
    folder = file.parent / _named_in(file, data)
    try:
        is_there = folder.is_dir()
    except OSError as error:
        name = folder.name if len(folder.name) < _NAME_CHARACTERS else f"{folder.name[:40]}…"
        raise BundleNotFound(
            file, f"names a folder {name!r} that can't be read: {error.strerror}"
        ) from None
    if not is_there:
        raise BundleNotFound(file, f"names {str(folder)!r}, and there is no such folder")
    return folder


def _named_in(file: Path, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig").strip() if len(data) <= _ALIAS_BYTES else ""
        named = json.loads(text)["bundle"] if text.startswith("{") else text
    except (ValueError, KeyError, TypeError):
        named = None
    if not isinstance(named, str) or not named.isprintable() or not named:
        raise BundleDamaged(
            file,
            "is no bundle's folder and no whole alias. An alias file holds the path of a bundle's "
            'folder, or {"bundle": PATH}.',
        )
    return named


def _signature(path: Path) -> tuple[tuple[str, int, int, int, int], ...]:
    found = []
    try:
        for file in sorted(path.rglob("*")):
            status = file.stat()
            times = (status.st_mtime_ns, status.st_ctime_ns)
            found.append((str(file), status.st_ino, *times, status.st_size))
    except OSError as error:  # it is being exchanged at this moment
        raise BundleNotFound(path, f"can't be read: {error.strerror}") from None
    return tuple(found)
