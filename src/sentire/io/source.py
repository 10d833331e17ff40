"""An opened input: rows, in order, whatever they came from.

Reads:   the records of one format's reader
Gives:   rows, with the text taken from its column
Never:   stops at a broken row, which keeps its place with an error; holds more than a sample
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, Self

import pyarrow as pa

from sentire.errors import NotText, SourceError
from sentire.io.columns import Evidence, describe_choice, find_text_column, weigh_values
from sentire.io.delimited import DelimitedReader
from sentire.io.excel import ExcelReader
from sentire.io.jsonlines import TEXT
from sentire.io.missing_values import is_missing
from sentire.io.nested_keys import ABSENT, nested_type, nested_value
from sentire.io.parquet import ParquetReader, is_text
from sentire.io.plain import PlainReader
from sentire.io.records import as_text
from sentire.io.rows import BrokenRecord, Fields, Row, broken
from sentire.io.streams import ByteStream, unreadable
from sentire.types import RowError

_SAMPLED = 200
"""Rows looked at to find the text column."""


class Reader(Protocol):
    """What a format's reader gives: named fields, or why a row broke."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """None where they differ from row to row."""

    def __iter__(self) -> Iterator[Fields | RowError]: ...


class RowSource:
    """An opened input. Iterate once; close it, or use it in ``with``.

    Parameters
    ----------
    reader : Reader
        Gives its records.
    name, identity, encoding, columns, notes : as the attributes of these names
    asked : str or None
        Column to score; None finds the obvious one.
    resources : ExitStack
        Closed with it.
    stream : ByteStream, optional
        What the reader reads, where the size of it tells how much is read.
    keep_na : bool
        Whether cells such as NaN are texts and not missing values.
    header : bool
        Whether the first row of cells holds the names of the columns.

    Attributes
    ----------
    name : str
        For messages; holds no password.
    text_column : str
        May be a path of keys with dots between them, such as ``data.text``.
    notes : tuple of str
        Sentences for the person at the terminal: what was chosen where there was a choice.
    columns : tuple of str or None
        None where rows differ and nobody asked for all.
    types : dict of column name -> pyarrow.DataType, or None where the values must tell
        A column whose type is None has cells of a format without types, such as CSV.
    encoding : str or None
    identity : dict of str
        Tells this input from others, and from itself after a change.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        name: str,
        asked: str | None,
        identity: dict[str, str],
        resources: ExitStack,
        stream: ByteStream | None = None,
        columns: tuple[str, ...] | None = None,
        encoding: str | None = None,
        keep_na: bool = False,
        header: bool = True,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.name, self.identity, self.encoding = name, identity, encoding
        self.columns = columns if reader.columns is None else reader.columns
        self._reader, self._stream = reader, stream
        self._records = self._guarded()
        self._resources = resources
        self._sample: list[Fields | RowError] = []
        cells = isinstance(reader, DelimitedReader | ExcelReader)
        self._finds_missing = cells and not keep_na
        self._doubtful_header = cells and header
        self.notes = (*notes, *getattr(reader, "notes", ()))
        try:
            self.types = self._find_types()
            self.text_column = self._find_text_column(asked)
            self._carry_nested()
        except BaseException:
            resources.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Row]:
        sample, self._sample = self._sample, []
        for number, record in enumerate(itertools.chain(sample, self._records), 1):
            yield self._row(number, record)

    def fraction_read(self) -> float | None:
        """0 to 1; None where the size is not known."""
        if isinstance(self._reader, ParquetReader | ExcelReader):
            return self._reader.fraction_read()
        return self._stream.fraction_read() if self._stream else None

    def close(self) -> None:
        """Close files and connections."""
        self._resources.close()

    def _row(self, number: int, record: Fields | RowError) -> Row:
        if isinstance(record, BrokenRecord):
            readable = _readable(record.fields.get(self.text_column))
            error = RowError(record.code, record.message)
            return Row(number, readable, record.fields, error, record.source)
        if isinstance(record, RowError):
            return Row(number, "", {}, record)
        text = nested_value(record, self.text_column)
        if text is ABSENT:
            return Row(number, "", record, broken(f"row {number} has no {self.text_column!r}"))
        record.setdefault(self.text_column, text)
        if not isinstance(text, str):
            reason = NotText("null" if text is None else type(text).__name__)
            error = RowError(reason.code, f"row {number}: {reason}")
            return Row(number, _readable(text), record, error, missing=text is None)
        if self._finds_missing and is_missing(text):
            said = f"{text.strip()} stands for a missing value; --keep-na keeps it as a text"
            error = RowError(NotText.code, f"row {number}: {said}")
            return Row(number, "", record, error, missing=True)
        return Row(number, text, record)

    def _guarded(self) -> Iterator[Fields | RowError]:
        try:
            yield from self._reader
        except (OSError, EOFError, pa.ArrowException) as error:
            raise SourceError(unreadable(self.name, error)) from None

    def _find_types(self) -> dict[str, Any] | None:
        if isinstance(self._reader, ParquetReader):
            return self._reader.types
        if isinstance(self._reader, DelimitedReader | PlainReader):
            return dict.fromkeys(self._reader.columns)
        return None

    def _carry_nested(self) -> None:
        """Make a column of a nested text, which tables hold beside the others."""
        if self.columns is not None and self.text_column not in self.columns:
            self.columns = (*self.columns, self.text_column)
        if self.types is not None and self.text_column not in self.types:
            self.types = {**self.types, self.text_column: pa.string()}
        elif self.types is not None:
            self.types[self.text_column] = self.types[self.text_column] or pa.string()

    def _find_text_column(self, asked: str | None) -> str:
        if isinstance(self._reader, PlainReader):
            return TEXT
        if isinstance(self._reader, ParquetReader):
            return self._choose(self._reader.columns, self._reader.evidence, asked)
        self._sample = list(itertools.islice(self._records, _SAMPLED))
        rows = [record for record in self._sample if isinstance(record, dict)]
        columns = self.columns or list(dict.fromkeys(name for row in rows for name in row))
        if not columns:
            return asked or TEXT
        if asked and any(nested_value(row, asked) is not ABSENT for row in rows):
            return asked
        return self._choose(columns, weigh_values(columns, rows), asked)

    def _choose(
        self, columns: Sequence[str], evidence: dict[str, Evidence], asked: str | None
    ) -> str:
        if asked is not None and self.types is not None:
            kind = nested_type(self.types, asked)
            if kind is not None:
                if not is_text(kind):
                    raise SourceError(
                        f"{self.name}: column {asked!r} holds {kind}, not text. "
                        "Name another with --text-column."
                    )
                return asked
        chosen = find_text_column(columns, evidence, asked=asked, name=self.name)
        if asked is None:
            note = describe_choice(chosen, evidence, name=self.name, header=self._doubtful_header)
            self.notes += () if note is None else (note,)
        return chosen


def _readable(value: object) -> str:
    """What a value that is no text says, for the record in its place."""
    return "" if value is None else as_text(value)
