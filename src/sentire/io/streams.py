"""Bytes of a file or of standard input, decompressed, and how far the file was read.

Reads:   a path, or file descriptor 0
Gives:   a buffered stream and the fraction of the file that went by
Never:   holds more than a buffer; what is compressed is told by its first bytes, not by its name
"""

import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Self, cast

import pyarrow as pa

from sentire.errors import SourceError

BUFFER = 1 << 20
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))


class ByteStream:
    """A file, or standard input where ``path`` is None.

    Attributes
    ----------
    name : str
        For messages.
    reader : buffered binary stream, decompressed
    version : tuple of int
        Size and time of change, in bytes and nanoseconds.
    seekable_path : Path or None
        Where the bytes can be read in any order: None for pipes and compressed files.

    Raises
    ------
    SourceError
        It can't be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self.name = "stdin" if path is None else str(path)
        try:
            if path is None:
                raw = io.FileIO(sys.__stdin__.fileno() if sys.__stdin__ else 0, closefd=False)
            else:
                raw = io.FileIO(path)
            status = os.fstat(raw.fileno())
            self._size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            self.version = status.st_size, status.st_mtime_ns
            self.seekable_path = path if self._size else None
            self._outer = io.BufferedReader(raw, BUFFER)
            self.reader: BinaryIO = self._decompressed()
        except (OSError, ValueError) as error:
            raise SourceError(unreadable(self.name, error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def peek(self) -> bytes:
        """Look at what one read gives, up to a buffer, without taking it.

        Raises
        ------
        SourceError
            It can't be read.
        """
        try:
            return cast("io.BufferedReader", self.reader).peek(BUFFER)
        except OSError as error:
            raise SourceError(unreadable(self.name, error)) from None

    def fraction_read(self) -> float | None:
        """0 to 1; None where the size is not known."""
        if not self._size:
            return None
        return min(1.0, self._outer.tell() / self._size)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """Give the decompressed bytes as a file: the input's own, or a temporary copy of it.

        Raises
        ------
        SourceError
            It can't be read, or not be copied.
        """
        try:
            with ExitStack() as opened:
                if self.seekable_path is not None:
                    file: BinaryIO = opened.enter_context(self.seekable_path.open("rb"))
                else:
                    file = cast("BinaryIO", opened.enter_context(tempfile.TemporaryFile()))
                    shutil.copyfileobj(self.reader, file, BUFFER)
                    file.seek(0)
                kept = opened.pop_all()
        except (OSError, pa.ArrowException) as error:
            raise SourceError(unreadable(self.name, error)) from None
        with kept:
            yield file

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self.reader.close()
        self._outer.close()

    def _decompressed(self) -> BinaryIO:
        head = self._outer.peek(4)
        codec = next((codec for magic, codec in _MAGIC if head.startswith(magic)), None)
        if codec is None:
            return self._outer
        self.seekable_path = None
        inner = pa.CompressedInputStream(pa.PythonFile(self._outer, mode="r"), codec)
        return io.BufferedReader(inner, BUFFER)


def unreadable(name: str, error: Exception) -> str:
    """Say in one line why an input can't be read, and what to do."""
    if isinstance(error, FileNotFoundError):
        return f"{name}: there is no such file. Check the path."
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder. Name one file in it."
    if isinstance(error, PermissionError):
        return f"{name}: this user may not read it. Change its permissions, or copy it."
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return f"{name} can't be read: {reason}. If it is a copy, the copy may be cut short."
