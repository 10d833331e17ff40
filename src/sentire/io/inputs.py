"""Open any input: choose its format, its encoding and its reader.

Reads:   a path, standard input or a database's URL
Gives:   a :class:`~sentire.io.source.RowSource`
Never:   guesses where two readings are likely; the error names the option that decides
"""

import re
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
from sentire.io.excel import ExcelReader
from sentire.io.jsonarray import JsonArrayReader
from sentire.io.jsonlines import TEXT, JsonLinesReader, columns_of
from sentire.io.lines import read_lines
from sentire.io.names import InputFormat, input_format, is_url, refuse_remote
from sentire.io.parquet import ParquetReader
from sentire.io.plain import PlainReader
from sentire.io.signatures import check_signature
from sentire.io.source import Reader, RowSource
from sentire.io.streams import ByteStream, unreadable

_BINARY = frozenset({"excel", "parquet"})
_CELLS = frozenset({"csv", "tsv", "excel"})
"""Formats in which a missing value is written as a text, and the first row holds the names."""
_LIST_OF_RECORDS = re.compile(rb"\s*\[\s*\{\s*[\"}]")


class InputOptions(NamedTuple):
    """How an input is to be read; None leaves it to the input."""

    format: InputFormat | None = None
    encoding: str | None = None
    text_column: str | None = None
    query: str | None = None
    sheet: str | None = None
    """Of a workbook: its name, or its number from 1 on."""
    header: bool = True
    """Whether the first row of CSV, TSV or a sheet holds the names of the columns."""
    keep_na: bool = False
    """Whether cells such as NaN, N/A and #REF! are texts and not missing values."""
    all_columns: bool = False
    """Whether every column must be known before the first row, as a CSV's header asks for."""


def open_input(given: Path | str | None, options: InputOptions | None = None) -> RowSource:
    """Open an input.

    Parameters
    ----------
    given : a path, a database's URL, or None for standard input
    options : InputOptions, optional
        How it is read.

    Raises
    ------
    SourceError
        It can't be read, or its text column is not obvious.
    OptionError
        An option does not fit this input.
    MissingExtra
        A database's driver is not installed.
    """
    options = options or InputOptions()
    if isinstance(given, str) and is_url(given):
        refuse_remote(given)
        return _open_database(given, options)
    if options.query is not None:
        raise OptionError("--query goes with -i and a database's URL, such as sqlite:///shop.db")
    path = None if given is None else Path(given)
    if path is not None and not path.exists():
        raise SourceError(unreadable(str(path), FileNotFoundError()))
    if path is not None and path.is_dir():
        raise SourceError(unreadable(str(path), IsADirectoryError()))
    kind = options.format or ("lines" if path is None else input_format(path))
    _check_options(options, kind)
    with ExitStack() as opened:
        name = "stdin" if path is None else str(path)
        columns = None
        if kind in {"json", "jsonl"} and options.all_columns:
            path = opened.enter_context(_spooled_stdin()) if path is None else path
            columns = _scan_columns(path, kind, options.encoding)
        stream = opened.enter_context(ByteStream(path))
        check_signature(stream.peek(), kind, name=name)
        if given is None and options.format is None:
            _refuse_records(stream)
        encoding = None
        if kind not in _BINARY:
            encoding = _encoding_of(stream, options.encoding)
        reader = _reader(kind, stream, encoding or "", options, name=name)
        if isinstance(reader, ParquetReader | ExcelReader):
            opened.enter_context(closing(reader))
        identity = _identity(name, piped=given is None, stream=stream, kind=kind)
        if encoding is not None:
            identity["encoding"] = encoding
        if kind in _CELLS:
            identity |= {"--no-header": str(not options.header), "--keep-na": str(options.keep_na)}
        if isinstance(reader, ExcelReader):
            identity["--sheet"] = reader.sheet
        return RowSource(
            reader,
            name=name,
            asked=options.text_column,
            identity=identity,
            stream=stream,
            columns=columns,
            encoding=encoding,
            keep_na=options.keep_na,
            header=options.header,
            notes=_encoding_notes(encoding, options.encoding, name=name),
            resources=opened.pop_all(),
        )


def _check_options(options: InputOptions, kind: InputFormat) -> None:
    """Refuse options that mean nothing to this format."""
    if options.text_column is not None and kind == "lines":
        raise OptionError(
            "--text-column goes with inputs that have columns; this one is read as plain lines. "
            "Name its format with --input-format csv, tsv, excel, json, jsonl or parquet."
        )
    if kind not in _CELLS:
        for option, given in (("--no-header", not options.header), ("--keep-na", options.keep_na)):
            if given:
                raise OptionError(f"{option} goes with CSV, TSV and Excel; this input is {kind}")
    if options.sheet is not None and kind != "excel":
        raise OptionError(f"--sheet goes with Excel workbooks; this input is {kind}")
    if options.encoding is not None and kind in _BINARY:
        raise OptionError(f"--encoding goes with text files; this input is {kind}")


def _reader(
    kind: InputFormat, stream: ByteStream, encoding: str, options: InputOptions, *, name: str
) -> Reader:
    if kind == "parquet":
        return ParquetReader(stream)
    if kind == "excel":
        return ExcelReader(stream, sheet=options.sheet, header=options.header)
    if kind == "json" and _begins_list(stream):
        return JsonArrayReader(stream.reader, encoding, name=name)
    lines = read_lines(stream.reader, encoding, name=name)
    if kind in {"json", "jsonl"}:
        return JsonLinesReader(lines, name=name)
    if kind == "lines":
        return PlainReader(lines)
    return DelimitedReader(lines, tabs=kind == "tsv", name=name, header=options.header)


def _begins_list(stream: ByteStream) -> bool:
    """Whether JSON begins with a bracket, in any encoding; else it is one object a line."""
    return stream.peek().lstrip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n").startswith(b"[")


def _encoding_notes(encoding: str | None, asked: str | None, *, name: str) -> tuple[str, ...]:
    """GB18030 has no mark: it is what the bytes look like."""
    if encoding != "gb18030" or asked is not None:
        return ()
    return (f"{name}: read as gb18030, by its bytes. --encoding names another, such as big5",)


def _open_database(url: str, options: InputOptions) -> RowSource:
    if options.query is None:
        raise OptionError(
            "-i is a database's URL, so --query is needed, "
            'for example --query "SELECT id, text FROM reviews ORDER BY id"'
        )
    files_only = (options.format, options.encoding, options.sheet)
    if any(option is not None for option in files_only) or not options.header or options.keep_na:
        raise OptionError(
            "--input-format, --encoding, --sheet, --no-header and --keep-na go with files, "
            "not with a database"
        )
    with ExitStack() as opened:
        reader = opened.enter_context(closing(DatabaseReader(url, options.query)))
        return RowSource(
            reader,
            name=reader.name,
            asked=options.text_column,
            identity={"input": reader.name, "query": options.query},
            resources=opened.pop_all(),
        )


def _encoding_of(stream: ByteStream, asked: str | None) -> str:
    if asked is not None:
        return check_encoding(asked)
    return detect_encoding(stream.peek(), name=stream.name)


def _refuse_records(stream: ByteStream) -> None:
    """Refuse to score JSON as if it were prose, where nobody said what standard input holds."""
    head = stream.peek()
    if _LIST_OF_RECORDS.match(head):
        kind = "json"
    else:
        try:
            record = msgspec.json.decode(head.partition(b"\n")[0])
        except (ValueError, RecursionError):
            return
        if not isinstance(record, dict):
            return
        kind = "jsonl"
    raise OptionError(
        f"standard input looks like JSON. Say --input-format {kind} to read its columns, "
        "or --input-format lines to score each line as it stands."
    )


def _scan_columns(path: Path, kind: InputFormat, encoding: str | None) -> tuple[str, ...]:
    with ByteStream(path) as stream:
        check_signature(stream.peek(), kind, name=stream.name)
        found = _encoding_of(stream, encoding)
        try:
            records = _reader(kind, stream, found, InputOptions(), name=stream.name)
            return tuple(columns_of(records)) or (TEXT,)
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
