"""Files under a root, as a registry of files needs them.

``directory.py`` has them on a disk, ``object_store.py`` in an object store. What decides is
:meth:`BlobStore.create`: of several who create the same file at once, exactly one does.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """Files by their path below a root, ``a/b/c``.

    Every function raises ``FileNotFoundError`` where the file is not there, and another ``OSError``
    where the store can't be asked or refuses.

    Attributes
    ----------
    url : str
    """

    url: str

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file; one of more than ``limit`` bytes is an ``OSError``."""

    def stream(self, path: str, *, offset: int) -> Iterator[bytes]:
        """Read a file from ``offset`` on."""

    def size(self, path: str) -> int:
        """Bytes of a file."""

    def changed(self, path: str) -> datetime:
        """When a file was written, or the newest file in a folder."""

    def names(self, path: str) -> list[str]:
        """Names of the files and folders in a folder; none where there is no such folder."""

    def create(self, path: str, data: bytes) -> None:
        """Write a file that is not there yet, whole or not at all.

        Raises
        ------
        FileExistsError
            It is there.
        """

    def put(self, path: str, source: Path) -> None:
        """Copy a file in, whole or not at all; what was there is replaced."""

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it; nothing where there is none."""
