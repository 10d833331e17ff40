"""The program that takes one sheet out of a workbook, in a process of its own.

A workbook of a few kilobytes can ask for any amount of memory, by compression or by one cell in the
last corner of a sheet, and the library that reads it then ends its process. Run as a script by
``excel.py``, which imports nothing of it but the records they exchange.

Reads:   a workbook as standard input, which must be a file, and a :class:`SheetRequest` as argument
Gives:   lines of JSON: a :class:`WorkbookSummary`, each row as a list, and null at the end
Never:   takes more memory than it is given
"""

import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import BinaryIO

import msgspec
from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

if sys.platform != "win32":
    import resource

_EXACT = 2.0**53
"""Whole numbers up to this are exact in a workbook, which has no other numbers than floats."""

SheetCell = str | int | float | bool | date | datetime | time | timedelta | None


class SheetRequest(msgspec.Struct, frozen=True):
    """What to read."""

    sheet: str | None
    """Name, or number from 1 on; None for the first that is visible."""
    memory: int
    """Bytes that the process may take."""


class WorkbookSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    sheets: list[str] = []
    """Names of all tables; charts and macros are none."""
    chosen: str | None = None
    """None where no sheet has the name or the number that was asked for."""
    n_rows: int = 0
    problem: str | None = None
    """Why it is no workbook that can be read."""


def main() -> None:
    """Read the sheet and write its rows."""
    task = msgspec.json.decode(sys.argv[1], type=SheetRequest)
    _limit_memory(task.memory)
    write, encoder = sys.stdout.buffer.write, msgspec.json.Encoder()
    for line in _lines(sys.stdin.buffer, task.sheet):
        write(encoder.encode(line) + b"\n")
    sys.stdout.flush()


def _lines(file: BinaryIO, asked: str | None) -> Iterator[WorkbookSummary | list[SheetCell] | None]:
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        tables = [
            sheet for sheet in workbook.sheets_metadata if sheet.typ is SheetTypeEnum.WorkSheet
        ]
        names = [sheet.name for sheet in tables]
        visible = [s.name for s in tables if s.visible is SheetVisibleEnum.Visible]
        chosen = _choose(names, visible, asked)
        if chosen is None:
            yield WorkbookSummary(sheets=names)
            return
        sheet = workbook.get_sheet_by_name(chosen)
    except PasswordError:
        yield WorkbookSummary(problem="is protected with a password. Save it without one")
        return
    except CalamineError as error:
        yield WorkbookSummary(
            problem=f"is no workbook that can be read: {error}. Save it again as .xlsx"
        )
        return
    yield WorkbookSummary(sheets=names, chosen=chosen, n_rows=sheet.total_height)
    for row in sheet.iter_rows():
        cells = [_cell(value) for value in row]
        while cells and cells[-1] is None:
            cells.pop()
        yield cells
    yield None


def _choose(names: list[str], visible: list[str], asked: str | None) -> str | None:
    if asked is None:
        return next(iter([*visible, *names]), None)
    if asked in names:
        return asked
    number = int(asked) if asked.isascii() and asked.isdigit() else 0
    return names[number - 1] if 1 <= number <= len(names) else None


def _cell(value: SheetCell) -> SheetCell:
    """Empty cells and those with an error, such as ``#REF!``, hold nothing."""
    if value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value


def _limit_memory(n_bytes: int) -> None:
    if sys.platform == "win32":
        return
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
