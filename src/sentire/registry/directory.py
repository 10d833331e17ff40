"""A registry's files in a directory, which may be shared over a network.

Reads:   files
Gives:   files that appear whole or not at all
Never:   leaves the root; follows a lock that somebody who died has left
"""

import errno
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sentire.atomic import partial_file, write_file
from sentire.registry.base import CHUNK


class DirectoryStore:
    """A :class:`~sentire.registry.blob_store.BlobStore` on a disk.

    A new file is written under another name in its folder, and gets its own name by a hard
    link: that succeeds for one, whoever else tries, also on NFS.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().absolute()
        self.url = str(root)

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file.

        Raises
        ------
        OSError
            It is not there, can't be read, or has more than ``limit`` bytes.
        """
        with (self._root / path).open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"has more than {limit:,} bytes", path)
        return data

    def stream(self, path: str, *, offset: int) -> Iterator[bytes]:
        """Read a file from ``offset`` on."""
        with (self._root / path).open("rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK):
                yield chunk

    def size(self, path: str) -> int:
        """Bytes of a file."""
        return (self._root / path).stat().st_size

    def changed(self, path: str) -> datetime:
        """When a file was written, or the newest file in a folder."""
        top = self._root / path
        files = [file for file in top.rglob("*") if file.is_file()] if top.is_dir() else []
        newest = max(file.stat().st_mtime for file in [top, *files])
        return datetime.fromtimestamp(newest, UTC)

    def names(self, path: str) -> list[str]:
        """Names of the files and folders in a folder."""
        try:
            with os.scandir(self._root / path) as entries:
                return sorted(entry.name for entry in entries if not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def create(self, path: str, data: bytes) -> None:
        """Write a file that is not there yet."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, data, is_new=True)

    def put(self, path: str, source: Path) -> None:
        """Copy a file in."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(target) as partial:
            shutil.copyfile(source, partial)

    def remove(self, path: str) -> None:
        """Remove a file or a folder."""
        target = self._root / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
