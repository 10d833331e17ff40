"""Open any input: choose its format, its encoding and its reader.

Reads:   a path, standard input or a database's URL
Gives:   a :class:`~sentire.io.source.Source`
Never:   guesses where two readings are likely; the error names the option that decides
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from sentire.errors import OptionError, SourceError
from sentire.io.database import DatabaseReader
from sentire.io.delimited import DelimitedReader
from sentire.io.encodings import check_encoding, detect_encoding
from sentire.io.jsonlines import TEXT, JsonLinesReader, columns_of
from sentire.io.lines import Line, read_lines
from sentire.io.names import InputFormat, input_format, is_url
from sentire.io.parquet import ParquetReader
from sentire.io.plain import PlainReader
from sentire.io.source import Reader, Source
from sentire.io.streams import ByteStream, unreadable


class Wanted(NamedTuple):
    """How an input is to be read; None leaves it to the input."""

    format: InputFormat | None = None
    encoding: str | None = None
    text_column: str | None = None
    query: str | None = None
    all_columns: bool = False
    """Whether every column must be known before the first row, as a CSV's header asks for."""


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
    if path is not None and not path.exists():
        raise SourceError(unreadable(str(path), FileNotFoundError()))
    if path is not None and path.is_dir():
        raise SourceError(unreadable(str(path), IsADirectoryError()))
    kind = wanted.format or ("lines" if path is None else input_format(path))
    sure = wanted.format is not None or path is not None
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
            if not sure:
                _refuse_records(stream)
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


def _refuse_records(stream: ByteStream) -> None:
    """Refuse to score JSON as if it were prose, where nobody said what standard input holds."""
    try:
        record = msgspec.json.decode(stream.peek().partition(b"\n")[0])
    except (ValueError, RecursionError):
        return
    if isinstance(record, dict):
        raise OptionError(
            "standard input looks like JSON Lines. Say --input-format jsonl to read its columns, "
            "or --input-format lines to score each line as it stands."
        )


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
