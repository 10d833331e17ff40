"""Excel and OpenDocument workbooks: the rows of one sheet.

Reads:   a file; a compressed or piped one through a temporary copy, for it must be read twice
Gives:   one record a row, numbers as numbers, dates and times in ISO 8601
Never:   lets a workbook take more memory than a bound, or end this process: another one reads it
"""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from sentire.cgroups import memory_left
from sentire.errors import SourceError
from sentire.io import workbook
from sentire.io.columns import unique_names
from sentire.io.rows import Fields, broken
from sentire.io.streams import ByteStream
from sentire.io.workbook import SheetRequest, WorkbookSummary
from sentire.types import RowError

_MEMORY = 4 << 30
"""Bytes of address space for the process that reads. A full sheet of a million rows and ten columns
takes about 2 GiB."""
_SHARE = 0.75
"""Of the memory that the control group has left, at most."""


class ExcelReader:
    """Rows of one sheet; the first row that holds anything names the columns.

    A blank row is no row, unless there is one column alone: there it is a missing text.

    Parameters
    ----------
    stream : ByteStream
    sheet : str or None
        Name, or number from 1 on; None for the first that is visible.
    header : bool
        Whether the first row holds the column names. Without, a single column is called ``text``,
        several are ``column_1``, ``column_2``, …

    Attributes
    ----------
    columns : tuple of str
    sheet : str
        The name of the one that is read.
    notes : tuple of str
        What a person may want to know of how it was read.

    Raises
    ------
    SourceError
        It is no workbook, has a password or no such sheet, or is too large.
    """

    def __init__(self, stream: ByteStream, *, sheet: str | None, header: bool = True) -> None:
        self._name = stream.name
        self._resources = ExitStack()
        try:
            self._process = self._start(stream, sheet)
            opened = msgspec.json.decode(self._line(), type=WorkbookSummary)
            self.sheet, self._n_rows = self._checked(opened, sheet), opened.n_rows
            self._n_read = 0
            self._pending: list[object] | None = None
            names = self._first_row()
        except BaseException:
            self.close()
            raise
        if header:
            self.columns = unique_names("" if name is None else str(name) for name in names)
        else:
            numbered = (f"column_{number}" for number in range(1, len(names) + 1))
            self.columns = tuple(numbered) if len(names) > 1 else ("text",)
            self._pending = names
        self.notes: tuple[str, ...] = ()
        if sheet is None and len(opened.sheets) > 1:
            listed = ", ".join(repr(name) for name in opened.sheets)
            self.notes = (
                f"{self._name}: sheet {self.sheet!r} is read, of {listed}. "
                "Name another with --sheet.",
            )

    def __iter__(self) -> Iterator[Fields | RowError]:
        width = len(self.columns)
        while (cells := self._next_row()) is not None:
            if len(cells) > width:
                yield broken(
                    f"row {self._n_read} has {len(cells)} columns where the header has {width}"
                )
            elif cells or width == 1:
                cells += [None] * (width - len(cells))
                yield dict(zip(self.columns, cells, strict=True))

    def fraction_read(self) -> float:
        """0 to 1."""
        return min(1.0, self._n_read / max(1, self._n_rows))

    def close(self) -> None:
        """End the process and drop the copy."""
        self._resources.close()

    def _start(self, stream: ByteStream, sheet: str | None) -> "subprocess.Popen[bytes]":
        file = self._resources.enter_context(stream.seekable())
        left = memory_left(Path("/"))
        self._memory = _MEMORY if left is None else min(_MEMORY, int(_SHARE * left))
        task = msgspec.json.encode(SheetRequest(sheet, self._memory)).decode()
        process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            # -P: nothing in the current folder takes the place of a module.
            [sys.executable, "-P", workbook.__file__, task],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is for the process that commits what is done
        )
        self._resources.callback(_end, process)
        return process

    def _line(self) -> bytes:
        stdout = self._process.stdout
        line = stdout.readline() if stdout else b""
        if not line.endswith(b"\n"):
            code = self._process.wait()
            memory = f"more than {self._memory >> 20:,} MiB of memory"
            ran_out = code in {-signal.SIGABRT, -signal.SIGKILL}
            reason = f"needs {memory}" if ran_out else "can't be read as a workbook"
            raise SourceError(
                f"{self._name} {reason}: it is damaged, or far larger than it looks. "
                "Save the sheet as .csv."
            )
        return line

    def _checked(self, opened: WorkbookSummary, asked: str | None) -> str:
        if opened.problem is not None:
            raise SourceError(f"{self._name} {opened.problem}.")
        if opened.chosen is None:
            listed = ", ".join(repr(name) for name in opened.sheets) or "none"
            raise SourceError(
                f"{self._name} has no sheet {asked!r}. It has: {listed}. "
                "Name one of these with --sheet, or its number from 1 on."
                if asked is not None
                else f"{self._name} has no sheet with rows and columns."
            )
        return opened.chosen

    def _next_row(self) -> list[object] | None:
        if self._pending is not None:
            cells, self._pending = self._pending, None
            return cells
        cells = msgspec.json.decode(self._line(), type=list[object] | None)
        self._n_read += cells is not None
        return cells

    def _first_row(self) -> list[object]:
        while not (cells := self._next_row()):
            if cells is None:
                raise SourceError(
                    f"{self._name}: sheet {self.sheet!r} is empty. "
                    "It needs a first row with the column names."
                )
        return cells


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
