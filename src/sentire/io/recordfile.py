"""Write records to a file that can be taken up again after any interruption.

Reads:   encoded records
Gives:   ``<output>.partial`` and its checkpoint, and at the end ``<output>``, whole
Never:   counts a record as done before its bytes are on the disk
"""

import codecs
import gzip
import io
import os
import shutil
import time
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from sentire.errors import OutputError
from sentire.io.checkpoint import (
    JobCheckpoint,
    Tally,
    clear_checkpoint,
    partial_path,
    save_checkpoint,
)
from sentire.io.failures import unwritable
from sentire.io.names import Compression
from sentire.io.records import RecordEncoder
from sentire.io.rows import Row
from sentire.types import Answer

_BLOCK_ROWS = 5000
_BLOCK_BYTES = 8 << 20
_BLOCK_S = 2.0
_MARK = codecs.BOM_UTF8


class Sink(Protocol):
    """Where rows and their answers go."""

    @property
    def checkpoint(self) -> JobCheckpoint | None:
        """Where an interrupted job is taken up; None at the beginning."""

    @property
    def due(self) -> bool:
        """Whether it is time to commit."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the finished output."""

    def write(self, row: Row, answer: Answer) -> None:
        """Take one record."""

    def commit(self, tally: Tally, digest: str) -> None:
        """Make everything so far safe."""

    def finish(self) -> None:
        """Put the output in its place."""

    def close(self) -> None:
        """Let go; what is unfinished stays for ``--resume``."""


class RecordFile:
    """A sink of bytes on disk.

    Compressed outputs are a series of gzip members or zstd frames, one a block, which every reader
    of these formats takes for one stream.

    Parameters
    ----------
    output : Path
    encoder : RecordEncoder
    job : dict of str
        What makes the job the one it is.
    compression : "gzip", "zstd" or None
    checkpoint : JobCheckpoint or None
        Where to go on.
    mark : bool
        Whether the file begins with a byte-order mark once it holds more than ASCII.

    Raises
    ------
    OutputError
        The file can't be written.
    """

    notes = ()

    def __init__(
        self,
        output: Path,
        encoder: RecordEncoder,
        *,
        job: dict[str, str],
        compression: Compression | None,
        checkpoint: JobCheckpoint | None,
        mark: bool = False,
    ) -> None:
        self.checkpoint = checkpoint
        self._output, self._encoder, self._job = output, encoder, job
        self._compression, self._mark = compression, mark
        self._ascii = checkpoint.ascii if checkpoint else True
        self._marked = checkpoint.marked if checkpoint else False
        self._position = checkpoint.position if checkpoint else 0
        self._block = bytearray(b"" if checkpoint else encoder.header())
        self._n_rows = 0
        self._began = time.monotonic()
        self._kept = checkpoint is not None
        partial = partial_path(output)
        try:
            if checkpoint is None:
                clear_checkpoint(output)
            self._file = io.FileIO(partial, "r+" if checkpoint else "w")
            if os.fstat(self._file.fileno()).st_size < self._position:
                self._file.close()
                raise OutputError(
                    f"{partial} is shorter than its checkpoint says, so it can't be resumed. "
                    "Leave --resume out to start from the beginning."
                )
        except OSError as error:
            raise OutputError(unwritable(output, error)) from None

    @property
    def due(self) -> bool:
        """Whether the block is full or old."""
        return (
            self._n_rows >= _BLOCK_ROWS
            or len(self._block) >= _BLOCK_BYTES
            or time.monotonic() - self._began > _BLOCK_S
        )

    def write(self, row: Row, answer: Answer) -> None:
        """Add a record to the block."""
        self._block += self._encoder.encode(row, answer)
        self._n_rows += 1

    def commit(self, tally: Tally, digest: str) -> None:
        """Write the block, wait for the disk, then move the checkpoint behind it.

        Failing anywhere leaves the old checkpoint; calling again writes the same bytes again.

        Raises
        ------
        OutputError
            The disk is full, or fails.
        """
        ascii_only = self._ascii and self._block.isascii()
        marked = self._marked or (self._mark and not self._position and not ascii_only)
        mark = _MARK if marked and not self._position else b""
        data = _compress(mark + self._block, self._compression)
        try:
            self._file.seek(self._position)
            self._file.truncate()
            written = 0
            while written < len(data):
                written += self._file.write(memoryview(data)[written:])
            os.fsync(self._file.fileno())
            position = self._position + len(data)
            save_checkpoint(
                self._output,
                JobCheckpoint(
                    job=self._job,
                    tally=tally,
                    digest=digest,
                    position=position,
                    ascii=ascii_only,
                    marked=marked,
                ),
            )
        except OSError as error:
            raise OutputError(unwritable(self._output, error, resumable=True)) from None
        self._kept = True
        self._position, self._ascii, self._marked = position, ascii_only, marked
        self._block.clear()
        self._n_rows = 0
        self._began = time.monotonic()

    def finish(self) -> None:
        """Rename the partial file; call after a last :meth:`commit`.

        Raises
        ------
        OutputError
            It can't be renamed.
        """
        self._file.close()
        partial = partial_path(self._output)
        try:
            if self._mark and not (self._ascii or self._marked):
                self._finish_marked(partial)
            else:
                partial.replace(self._output)
        except OSError as error:
            raise OutputError(unwritable(self._output, error, resumable=True)) from None
        clear_checkpoint(self._output)

    def _finish_marked(self, partial: Path) -> None:
        """Copy what began with ASCII behind a mark; the partial file stays until that is whole."""
        copy = partial.with_name(partial.name + ".new")
        try:
            with partial.open("rb") as read, copy.open("wb") as file:
                file.write(_compress(_MARK, self._compression))
                shutil.copyfileobj(read, file, _BLOCK_BYTES)
                file.flush()
                os.fsync(file.fileno())
            copy.replace(self._output)
        finally:
            copy.unlink(missing_ok=True)
        partial.unlink()

    def close(self) -> None:
        """Close the partial file, and take it away where nothing of it is safe."""
        self._file.close()
        if not self._kept:
            partial_path(self._output).unlink(missing_ok=True)


class RecordStream:
    """A sink of bytes that can't be taken back: standard output, a pipe, a device.

    Parameters
    ----------
    file : binary stream
    encoder : Encoder
        Makes the bytes of a record.
    name : str
        What the output is called in messages.
    """

    checkpoint = None
    due = False
    notes = ()

    def __init__(self, file: io.RawIOBase, encoder: RecordEncoder, *, name: str) -> None:
        self._file, self._encoder, self._name = file, encoder, name
        try:
            self._send(encoder.header())
        except BaseException:
            file.close()
            raise

    def write(self, row: Row, answer: Answer) -> None:
        """Send a record at once, so that the reader behind a pipe sees it."""
        self._send(self._encoder.encode(row, answer))

    def commit(self, tally: Tally, digest: str) -> None:
        """Nothing to do: what was sent is sent."""

    def finish(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Close the file, unless it is the process's own."""
        self._file.close()

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(unwritable(self._name, error)) from None


def _compress(data: bytes, compression: Compression | None) -> bytes:
    if compression is None or not data:
        return data
    if compression == "gzip":
        return gzip.compress(data, mtime=0)
    target = pa.BufferOutputStream()
    with pa.CompressedOutputStream(target, compression) as stream:
        stream.write(data)
    return bytes(target.getvalue())
