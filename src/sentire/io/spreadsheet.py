"""Write a table as an Excel workbook, a row at a time.

Reads:   groups of rows with the types of their columns
Gives:   an .xlsx file, of several sheets where one can't hold all rows
Never:   writes a formula or a link: what a text says stays a text; cuts a cell without a word
"""

import datetime
import io
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import clear_frames
from typing import Any

import pyarrow as pa
from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError, XlsxWriterException
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from sentire.errors import OutputError
from sentire.io.records import as_text

_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_ROWS = 1_048_575
"""Rows of a sheet under its header."""
_COLUMNS = 16_384
_CHARACTERS = 32_767
"""Of a cell; Excel's, as the two above."""
_EXACT = 10**15
"""Excel keeps 15 digits of a number."""
_FIRST_YEAR = 1901
"""Excel knows no date before 1900, and takes that year for a leap year."""
_CUT = -2
_ELSEWHERE = "Write .parquet, .csv or .jsonl instead."


def check_width(n_columns: int) -> None:
    """Refuse a table that is too wide for a sheet.

    Raises
    ------
    OutputError
        It has more than 16,384 columns.
    """
    if n_columns > _COLUMNS:
        raise OutputError(
            f"a sheet of Excel holds {_COLUMNS:,} columns, the output has {n_columns:,}. "
            f"{_ELSEWHERE}"
        )


def write_workbook(path: Path, schema: pa.Schema, groups: Iterator[pa.Table]) -> tuple[str, ...]:
    """Write an Excel file.

    Parameters
    ----------
    path : of the new file; temporary ones stand beside it
    schema : of all groups
    groups : the rows, in order

    Returns
    -------
    What a person should know: how many cells are cut, and how many sheets there are.

    Raises
    ------
    OutputError
        The table is too wide or too large for the format.
    OSError
        The disk is full, or the like.
    """
    check_width(len(schema.names))
    try:
        with TemporaryDirectory(dir=path.parent) as folder:
            return _write(path, folder, schema, groups)
    except FileCreateError as error:
        cause = error.__context__
        raise cause if isinstance(cause, OSError) else OSError(str(error)) from None
    except XlsxWriterException as error:
        raise OutputError(
            f"the table does not fit into Excel's format: {error}. {_ELSEWHERE}"
        ) from None


def _write(
    path: Path, folder: str, schema: pa.Schema, groups: Iterator[pa.Table]
) -> tuple[str, ...]:
    with _Target(path, "wb") as target:
        workbook = Workbook(target, {**_OPTIONS, "tmpdir": folder})
        try:
            sheets = _Sheets(workbook, schema.names)
            for group in groups:
                for values in zip(*(column.to_pylist() for column in group.columns), strict=True):
                    sheets.write(values)
            workbook.close()
        except BaseException as error:
            target.given_up = True
            _let_go(workbook, error)
            raise
        return tuple(sheets.notes())


class _Target(io.FileIO):
    """The file of a workbook; once it is given up it takes anything and keeps nothing."""

    given_up = False

    def write(self, data: Any) -> int:
        """Write all of ``data``."""
        rest = memoryview(data)
        while rest and not self.given_up:
            rest = rest[super().write(rest) or 0 :]
        return len(data)


def _let_go(workbook: Workbook, error: BaseException) -> None:
    """Drop the archive while its file is open, for it writes its end then; close other files."""
    for each in (error, error.__context__):
        if each is not None:
            clear_frames(each.__traceback__)
    for sheet in workbook.worksheets():
        for file in (sheet.fh, sheet.row_data_fh):
            with suppress(OSError, AttributeError):
                file.close()


class _Sheets:
    """The sheets of a workbook; a new one begins where the last is full."""

    def __init__(self, workbook: Workbook, names: list[str]) -> None:
        self._workbook, self._names = workbook, names
        self._date = workbook.add_format({"num_format": "yyyy-mm-dd"})
        self._time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._n_sheets = self._n_cut = 0
        self._begin()

    def write(self, values: tuple[object, ...]) -> None:
        """Write a row."""
        if self._n_rows == _ROWS:
            self._begin()
        self._n_rows += 1
        for column, value in enumerate(values):
            self._write_cell(column, value)

    def notes(self) -> Iterator[str]:
        """What a person should know."""
        if self._n_sheets > 1:
            yield f"{self._n_sheets} sheets, for one holds {_ROWS:,} rows under its header"
        if self._n_cut:
            yield (
                f"{self._n_cut:,} cells are cut after {_CHARACTERS:,} characters, the most that "
                f"Excel holds. {_ELSEWHERE}"
            )

    def _begin(self) -> None:
        self._sheet: Worksheet = self._workbook.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._n_sheets += 1
        self._n_rows = 0
        for column, name in enumerate(self._names):
            self._write_text(column, name)

    def _write_cell(self, column: int, value: object) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._n_rows, column, value)
        elif isinstance(value, int | float) and math.isfinite(value) and abs(value) < _EXACT:
            self._sheet.write_number(self._n_rows, column, value)
        elif (form := self._form(value)) is not None:
            self._sheet.write_datetime(self._n_rows, column, value, form)
        else:
            self._write_text(column, value if isinstance(value, str) else as_text(value))

    def _write_text(self, column: int, text: str) -> None:
        if self._sheet.write_string(self._n_rows, column, text) == _CUT:
            self._n_cut += 1

    def _form(self, value: object) -> Format | None:
        """How a moment is shown; None for what Excel does not keep as it is."""
        if not isinstance(value, datetime.date) or value.year < _FIRST_YEAR:
            return None
        if not isinstance(value, datetime.datetime):
            return self._date
        exact = value.tzinfo is None and value.microsecond % 1000 == 0
        return self._time if exact else None
