"""Open any input as rows: choose the reader, the encoding and the text column.

Reads:   a path, standard input or a database's URL
Gives:   a :class:`Source`: rows in order, in constant memory
Never:   stops at a broken row; it keeps its place with an error
"""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import pyarrow as pa

from sentire.errors import NotText, OptionError, SourceError
from sentire.io.columns import find_text_column, weigh_values
from sentire.io.database import DatabaseReader
from sentire.io.delimited import DelimitedReader
from sentire.io.encodings import check_encoding, detect_encoding
from sentire.io.jsonlines import TEXT, JsonLinesReader, columns_of
from sentire.io.lines import Line, read_lines
from sentire.io.names import InputFormat, input_format, is_url
from sentire.io.parquet import ParquetReader
from sentire.io.plain import PlainReader
from sentire.io.rows import Fields, Row, broken
from sentire.io.streams import ByteStream, unreadable
from sentire.types import RowError

_SAMPLED = 200
"""Rows looked at to find the text column."""


class Wanted(NamedTuple):
    """How an input is to be read; None leaves it to the input."""

    format: InputFormat | None = None
    encoding: str | None = None
    text_column: str | None = None
    query: str | None = None
    all_columns: bool = False
    """Whether every column must be known before the first row, as a CSV's header asks for."""


class Reader(Protocol):
    """What a format's reader gives: named fields, or why a row broke."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """None where they differ from row to row."""

    def __iter__(self) -> Iterator[Fields | RowError]: ...


class Source:
    """An opened input. Iterate once; close it, or use it in ``with``.

    Attributes
    ----------
    name : str
        For messages; holds no password.
    text_column : str
    columns : tuple of str or None
        None where rows differ and nobody asked for all.
    types : dict of column name -> pyarrow.DataType, or None where the values must tell
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
    ) -> None:
        self.name, self.identity, self.encoding = name, identity, encoding
        self.columns = columns if reader.columns is None else reader.columns
        self._reader, self._stream = reader, stream
        self._records = self._guarded()
        self._resources = resources
        self._sample: list[Fields | RowError] = []
        try:
            self.types = self._find_types()
            self.text_column = self._find_text_column(asked)
        except BaseException:
            resources.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Row]:
        sample, self._sample = self._sample, []
        for number, record in enumerate(itertools.chain(sample, self._records), 1):
            yield self._row(number, record)

    def fraction_read(self) -> float | None:
        """0 to 1; None where the size is not known."""
        if isinstance(self._reader, ParquetReader):
            return self._reader.fraction_read()
        return self._stream.fraction_read() if self._stream else None

    def close(self) -> None:
        """Close files and connections."""
        self._resources.close()

    def _row(self, number: int, record: Fields | RowError) -> Row:
        if isinstance(record, RowError):
            return Row(number, "", {}, record)
        if self.text_column not in record:
            return Row(number, "", record, broken(f"row {number} has no {self.text_column!r}"))
        text = record[self.text_column]
        if not isinstance(text, str):
            error = NotText("null" if text is None else type(text).__name__)
            return Row(number, "", record, RowError(error.code, str(error)))
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
            return dict.fromkeys(self._reader.columns, pa.string())
        return None

    def _find_text_column(self, asked: str | None) -> str:
        if isinstance(self._reader, PlainReader):
            return TEXT
        if isinstance(self._reader, ParquetReader):
            evidence = self._reader.evidence
            column = find_text_column(self._reader.columns, evidence, asked=asked, name=self.name)
            if evidence[column] == "other":
                raise SourceError(
                    f"{self.name}: column {column!r} holds {self._reader.types[column]}, not text. "
                    "Name another with --text-column."
                )
            return column
        self._sample = list(itertools.islice(self._records, _SAMPLED))
        rows = [record for record in self._sample if isinstance(record, dict)]
        columns = self.columns or list(dict.fromkeys(name for row in rows for name in row))
        if not columns:
            return asked or TEXT
        return find_text_column(columns, weigh_values(columns, rows), asked=asked, name=self.name)


def open_source(given: Path | str | None, wanted: Wanted | None = None) -> Source:
    """Open an input.

    Parameters
    ----------
    given : a path, a database's URL, or None for standard input

    Raises
    ------
    SourceError
        It can't be read, or its text column is not obvious.
    OptionError
        An option does not fit this input.
    MissingExtra
        A database's driver is not installed.
    """
    wanted = wanted or Wanted()
    if isinstance(given, str) and is_url(given):
        return _open_database(given, wanted)
    if wanted.query is not None:
        raise OptionError("--query goes with -i and a database's URL, such as sqlite:///shop.db")
    path = None if given is None else Path(given)
    kind = wanted.format or ("lines" if path is None else input_format(path))
    if wanted.text_column is not None and kind == "lines":
        raise OptionError(
            "--text-column goes with inputs that have columns; this one is read as plain lines. "
            "Name its format with --input-format csv, tsv, jsonl or parquet."
        )
    with ExitStack() as opened:
        name = "stdin" if path is None else str(path)
        columns = None
        if kind == "jsonl" and wanted.all_columns:
            path = opened.enter_context(_spooled_stdin()) if path is None else path
            columns = _scan_columns(path, wanted.encoding)
        stream = opened.enter_context(ByteStream(path))
        if kind == "parquet":
            reader: Reader = opened.enter_context(closing(ParquetReader(stream)))
            encoding = None
        else:
            encoding = _encoding_of(stream, wanted.encoding)
            reader = _text_reader(kind, read_lines(stream.reader, encoding, name=name), name)
        return Source(
            reader,
            name=name,
            asked=wanted.text_column,
            identity=_identity(name, piped=given is None, stream=stream, kind=kind),
            stream=stream,
            columns=columns,
            encoding=encoding,
            resources=opened.pop_all(),
        )


def _text_reader(kind: InputFormat, lines: Iterator[Line], name: str) -> Reader:
    if kind == "jsonl":
        return JsonLinesReader(lines, name=name)
    if kind == "lines":
        return PlainReader(lines)
    return DelimitedReader(lines, tabs=kind == "tsv", name=name)


def _open_database(url: str, wanted: Wanted) -> Source:
    if wanted.query is None:
        raise OptionError(
            "-i is a database's URL, so --query is needed, "
            'for example --query "SELECT id, text FROM reviews ORDER BY id"'
        )
    if wanted.format is not None or wanted.encoding is not None:
        raise OptionError("--input-format and --encoding go with files, not with a database")
    with ExitStack() as opened:
        reader = opened.enter_context(closing(DatabaseReader(url, wanted.query)))
        return Source(
            reader,
            name=reader.name,
            asked=wanted.text_column,
            identity={"input": reader.name, "query": wanted.query},
            resources=opened.pop_all(),
        )


def _encoding_of(stream: ByteStream, asked: str | None) -> str:
    if asked is not None:
        return check_encoding(asked)
    return detect_encoding(stream.peek(), name=stream.name)


def _scan_columns(path: Path, encoding: str | None) -> tuple[str, ...]:
    with ByteStream(path) as stream:
        lines = read_lines(stream.reader, _encoding_of(stream, encoding), name=stream.name)
        try:
            return tuple(columns_of(lines, name=stream.name)) or (TEXT,)
        except OSError as error:
            raise SourceError(unreadable(stream.name, error)) from None


@contextmanager
def _spooled_stdin() -> Iterator[Path]:
    """Copy standard input to disk, for what must be read twice."""
    with ByteStream(None) as stdin, tempfile.NamedTemporaryFile(suffix=".jsonl") as copy:
        shutil.copyfileobj(stdin.reader, copy, 1 << 20)
        copy.flush()
        yield Path(copy.name)


def _identity(name: str, *, piped: bool, stream: ByteStream, kind: str) -> dict[str, str]:
    """Name the input; standard input has nothing but its rows, which a resumed job compares."""
    if piped:
        return {"input": "stdin", "input format": kind}
    size, changed = stream.version
    return {
        "input": str(Path(name).resolve()),
        "input format": kind,
        "input's size": str(size),
        "input's time of change": str(changed),
    }
