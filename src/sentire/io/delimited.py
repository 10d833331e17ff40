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
from sentire.io.csv_dialect import CsvDialect, detect_dialect, protect_backslashes
from sentire.io.lines import LONGEST, Line
from sentire.io.rows import Fields, broken_record
from sentire.types import RowError

_SAMPLED_LINES = 200
_SAMPLED_CHARACTERS = 1 << 20
_LONGEST_QUOTE = 8 << 20
"""Characters of the longest record over several lines."""


class DelimitedReader:
    r"""Rows of a CSV or TSV stream.

    A CSV whose header has no comma but semicolons, tabs or bars is divided by those, as
    spreadsheets write it in many countries; a first line such as ``sep=;`` decides. Quotes inside
    quotes are doubled, or written as ``\"`` where the file does so. A TSV need not quote: a line
    that is no valid quoted TSV is taken as it stands when it has the right number of columns.

    Parameters
    ----------
    lines : decoded lines, from the first on
    tabs : whether it is a TSV
    name : what the input is called in messages
    header : bool
        Whether the first line holds the column names. Without, a single column is called ``text``,
        several are ``column_1``, ``column_2``, …

    Attributes
    ----------
    columns : tuple of str
    notes : tuple of str
        What a person may want to know of how the file was read.

    Raises
    ------
    SourceError
        There is no header, or nothing that tells the number of columns.
    """

    def __init__(
        self, lines: Iterator[Line], *, tabs: bool, name: str, header: bool = True
    ) -> None:
        # The module's bound is the process's; ours is on lines and on quotes.
        csv.field_size_limit(min(sys.maxsize, 2 * LONGEST))
        self._feed = _Feed(lines)
        sample = [line.text for line in self._feed.peek()]
        dialect = detect_dialect(sample, tabs=tabs) if sample else CsvDialect(",")
        if dialect.declared:
            self._feed.skip()
        self._delimiter = dialect.delimiter
        self._parser = self._new_parser(escapes=dialect.escapes)
        self._other_parser = self._new_parser(escapes=not dialect.escapes)
        names = self._first_record(name)
        if header:
            self.columns = unique_names(names)
        elif len(names) == 1:
            self.columns = ("text",)
        else:
            self.columns = tuple(f"column_{number}" for number in range(1, len(names) + 1))
        if not header:
            self._feed.keep(0)
        self.notes = tuple(_note(dialect, name))

    def __iter__(self) -> Iterator[Fields | RowError]:
        while True:
            number = self._feed.begin()
            try:
                cells, reason = self._parse(self._parser)
                if reason and self._may_escape():
                    self._feed.keep(0)
                    again, broken_too = self._parse(self._other_parser)
                    if broken_too is None:
                        cells, reason = again, None
            except StopIteration:
                return
            problem = self._problem(number)
            if reason and (len(self._feed.record) > 1 or not cells):
                yield self._first_line(number, reason)
            elif problem or reason:
                yield self._broken(problem or f"line {number} {reason}", cells)
            elif cells or len(self.columns) == 1:  # else a blank line
                yield dict(zip(self.columns, cells or [""], strict=True))

    def _new_parser(self, *, escapes: bool) -> Iterator[list[str]]:
        if not escapes:
            return csv.reader(self._feed, delimiter=self._delimiter, strict=True)
        lines = map(protect_backslashes, self._feed)
        return csv.reader(lines, delimiter=self._delimiter, escapechar="\\", strict=True)

    def _first_record(self, name: str) -> list[str]:
        """Cells of the first record: the names of the columns, or the first row."""
        number = self._feed.begin()
        first = self._feed.peek()[:1]
        if not first:
            raise SourceError(f"{name} is empty. It needs a first line with the column names.")
        if first[0].problem:
            raise SourceError(
                f"{name}: line {number} {first[0].problem}. Mend it, or pass --encoding."
            )
        try:
            cells = next(self._parser)
        except csv.Error as error:
            raise SourceError(
                f"{name}: the header in line {number} has broken quoting or line ends: "
                f"{_reason(error)}. Mend it, or save the file again as CSV."
            ) from None
        if not cells:
            raise SourceError(f"{name}: line {number} is blank. It must hold the column names.")
        return cells

    def _parse(self, parser: Iterator[list[str]]) -> tuple[list[str], str | None]:
        """Cells of the next record, none for a blank line, and what is wrong with them."""
        try:
            cells = next(parser)
        except csv.Error as error:
            return [], f"has broken quoting: {_reason(error)}"
        swallowed = len(self._feed.record) > 1
        if cells and len(cells) != len(self.columns):
            has = f"has {len(cells)} columns where the header has {len(self.columns)}"
            return cells, f"opens a quote, and read with it {has}" if swallowed else has
        if swallowed and self._delimiter == "\t" and any("\n" in c and "\t" in c for c in cells):
            return cells, "opens a quote that holds another row"
        return cells, None

    def _may_escape(self) -> bool:
        """Whether the record may be one of the other way to write a quote inside quotes."""
        return self._delimiter != "\t" and any('\\"' in line.text for line in self._feed.record)

    def _problem(self, number: int) -> str | None:
        """Tell what is wrong with the lines of the record, if anything."""
        for at, line in enumerate(self._feed.record, number):
            if line.problem:
                return f"line {at} {line.problem}"
        return None

    def _first_line(self, number: int, reason: str) -> Fields | RowError:
        """Only the first line of the record counts; those behind it are read anew."""
        self._feed.keep(1)
        first = self._feed.record[0]
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

    def peek(self) -> list[Line]:
        """Look at the next lines, a bounded number, which stay where they are."""
        n_characters = sum(len(line.text) for line in self._again)
        while len(self._again) < _SAMPLED_LINES and n_characters < _SAMPLED_CHARACTERS:
            line = next(self._lines, None)
            if line is None:
                break
            self._again.append(line)
            n_characters += len(line.text)
        return list(self._again)

    def skip(self) -> None:
        """Pass over the next line."""
        self._again.popleft()
        self._number += 1

    def begin(self) -> int:
        """Start a record and give the number of its first line."""
        self._number += len(self.record)
        self.record = []
        self._n_characters = 0
        return self._number

    def keep(self, n_lines: int) -> None:
        """Take back all lines of the record but the first ``n_lines``."""
        self._again.extendleft(reversed(self.record[n_lines:]))
        del self.record[n_lines:]
        self._n_characters = sum(len(line.text) for line in self.record)


def _note(dialect: CsvDialect, name: str) -> Iterator[str]:
    if dialect.others:
        used, other = (repr(character) for character in (dialect.delimiter, dialect.others[0]))
        yield (
            f"{name}: columns are divided by {used}; {other} stands in line 1 too. "
            f"If that divides them, put a line sep={dialect.others[0]} before it."
        )
    if dialect.escapes:
        yield f'{name}: quotes inside quotes are written as \\" and read so'


def _reason(error: csv.Error) -> str:
    reason = str(error)
    if "unexpected end" in reason:
        return "a quote is opened and never closed"
    if "new-line" in reason:
        return "a carriage return stands outside quotes"
    return reason.replace("'\"'", "a quote")
