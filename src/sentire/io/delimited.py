"""CSV and TSV; broken quoting breaks one row and never swallows those behind it.

Reads:   decoded lines, the first of which holds the column names
Gives:   one record a row
Never:   looks further for the end of a quote than a bound, or trusts a row of the wrong width
"""

import csv
import sys
from collections import deque
from collections.abc import Iterator
from typing import Self

from sentire.errors import SourceError
from sentire.io.columns import unique_names
from sentire.io.lines import LONGEST, Line
from sentire.io.rows import Fields, broken_record
from sentire.types import RowError

_LONGEST_QUOTE = 8 << 20
"""Characters of the longest record over several lines."""


class DelimitedReader:
    """Rows of a CSV or TSV stream.

    A CSV whose header has no comma but semicolons, tabs or bars is divided by those, as
    spreadsheets write it in many countries. A TSV need not quote: a line that is no valid quoted
    TSV is taken as it stands when it has the right number of columns.

    Attributes
    ----------
    columns : tuple of str

    Raises
    ------
    SourceError
        There is no header.
    """

    def __init__(self, lines: Iterator[Line], *, tabs: bool, name: str) -> None:
        # The module's bound is the process's; ours is on lines and on quotes.
        csv.field_size_limit(min(sys.maxsize, 2 * LONGEST))
        self._feed = _Feed(lines)
        header = self._feed.peek()
        if header is None:
            raise SourceError(f"{name} is empty. It needs a first line with the column names.")
        if header.problem:
            raise SourceError(f"{name}: line 1 {header.problem}. Mend it, or pass --encoding.")
        self._delimiter = "\t" if tabs else _delimiter_of(header.text)
        self._csv = csv.reader(self._feed, delimiter=self._delimiter, strict=True)
        try:
            self.columns = unique_names(next(self._csv))
        except csv.Error as error:
            raise SourceError(
                f"{name}: the header in line 1 has broken quoting or line ends: {_reason(error)}. "
                "Mend it, or save the file again as CSV."
            ) from None
        if not self.columns:
            raise SourceError(f"{name}: line 1 is blank. It must hold the column names.")

    def __iter__(self) -> Iterator[Fields | RowError]:
        while True:
            number = self._feed.begin()
            try:
                cells = next(self._csv)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._first_line(number, f"has broken quoting: {_reason(error)}")
                continue
            problem = self._problem(number)
            if problem is None and not cells and len(self.columns) > 1:
                continue  # a blank line
            yield self._record(number, cells or [""], problem)

    def _problem(self, number: int) -> str | None:
        """Tell what is wrong with the lines of the record, if anything."""
        for at, line in enumerate(self._feed.record, number):
            if line.problem:
                return f"line {at} {line.problem}"
        return None

    def _record(self, number: int, cells: list[str], problem: str | None) -> Fields | RowError:
        if len(self._feed.record) > 1 and self._suspicious(cells):
            reason = f"opens a quote, and read with it has {self._width(len(cells))}"
            return self._first_line(number, reason)
        if problem:
            return self._broken(problem, cells)
        if len(cells) != len(self.columns):
            return self._broken(f"line {number} has {self._width(len(cells))}", cells)
        return dict(zip(self.columns, cells, strict=True))

    def _first_line(self, number: int, reason: str) -> Fields | RowError:
        """Only the first line of the record counts; those behind it are read anew."""
        first = self._feed.keep_first()
        cells = first.text.rstrip("\r\n").split(self._delimiter)
        if len(cells) != len(self.columns):
            cells = []
        elif self._delimiter == "\t" and not first.problem:
            return dict(zip(self.columns, cells, strict=True))
        return self._broken(f"line {number} {first.problem or reason}", cells)

    def _broken(self, message: str, cells: list[str]) -> RowError:
        """Keep the lines, and the cells under the columns at whose places they stand."""
        source = "".join(line.text for line in self._feed.record).rstrip("\r\n")
        fields: Fields = dict(zip(self.columns, cells, strict=False))
        return broken_record(message, fields, source)

    def _suspicious(self, cells: list[str]) -> bool:
        """Whether a record over several lines has swallowed lines that are rows themselves."""
        if len(cells) != len(self.columns):
            return True
        return self._delimiter == "\t" and any("\n" in cell and "\t" in cell for cell in cells)

    def _width(self, n_cells: int) -> str:
        return f"{n_cells} columns where the header has {len(self.columns)}"


class _Feed:
    """Hands lines to the parser, remembers those of the record, and can take them back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: deque[Line] = deque()
        self._number = 1
        self._n_characters = 0
        self.record: list[Line] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.record.append(line)
        self._n_characters += len(line.text)
        if len(self.record) > 1 and self._n_characters > _LONGEST_QUOTE:
            raise csv.Error(f"a quote is not closed within {_LONGEST_QUOTE:,} characters")
        return line.text

    def peek(self) -> Line | None:
        """Look at the next line, which stays where it is."""
        if not self._again:
            self._again.extend(line for line in [next(self._lines, None)] if line is not None)
        return self._again[0] if self._again else None

    def begin(self) -> int:
        """Start a record and give the number of its first line."""
        self._number += len(self.record)
        self.record = []
        self._n_characters = 0
        return self._number

    def keep_first(self) -> Line:
        """Take back all lines of the record but the first."""
        self._again.extendleft(reversed(self.record[1:]))
        del self.record[1:]
        return self.record[0]


def _delimiter_of(header: str) -> str:
    if "," in header:
        return ","
    best = max(";\t|", key=header.count)
    return best if best in header else ","


def _reason(error: csv.Error) -> str:
    reason = str(error)
    if "unexpected end" in reason:
        return "a quote is opened and never closed"
    if "new-line" in reason:
        return "a carriage return stands outside quotes"
    return reason.replace("'\"'", "a quote")
