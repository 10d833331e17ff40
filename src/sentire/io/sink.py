"""Open any output: choose its format, its compression and where it continues."""

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from sentire.errors import OptionError, OutputError
from sentire.io.checkpoint import load_checkpoint, partial_path
from sentire.io.failures import unwritable
from sentire.io.names import OutputFormat, output_format, read_name
from sentire.io.protection import refuse_existing
from sentire.io.recordfile import RecordFile, RecordStream, Sink
from sentire.io.records import DelimitedEncoder, JsonLinesEncoder, Layout, RecordEncoder
from sentire.io.spreadsheet import check_width, write_workbook
from sentire.io.tables import TableFile, write_parquet

DELIMITERS = {"csv": ",", "tsv": "\t"}
_TABLES = {"parquet": "Parquet", "xlsx": "Excel"}
"""Formats that are written in parts and joined at the end."""


def open_sink(
    output: Path | None,
    kind: OutputFormat,
    layout: Layout,
    *,
    types: dict[str, Any] | None = None,
    job: dict[str, str] | None = None,
    resume: bool = False,
    force: bool = False,
    mark: bool = True,
) -> Sink:
    """Open an output.

    Parameters
    ----------
    output : Path or None
        None is standard output.
    kind : OutputFormat
    layout : Layout
        Columns of the records.
    types : dict of column name -> pyarrow.DataType, or None where the values must tell
    job : dict of str
        What makes this job the one it is; compared when it is resumed.
    resume : bool
        Go on where an earlier run of the same job stopped, if it left anything behind.
    force : bool
        Replace a file that is there.
    mark : bool
        Begin a CSV or TSV file whose text is not ASCII with a byte-order mark, without which Excel
        takes it for another encoding; what goes into a pipe has none.

    Raises
    ------
    OutputError
        It can't be written.
    OptionError
        The format needs a file, there is one already, or what was left behind is another job's.
    """
    special = output is None or (output.exists() and not output.is_file())
    if output is not None and output.is_dir():
        raise OutputError(f"{output} is a folder. Name a file in it.")
    if special or output is None:
        return _open_stream(output, kind, layout, resume=resume)
    compression = read_name(output).compression
    output = output.resolve()
    checkpoint = load_checkpoint(output, job or {}) if resume else None
    if checkpoint is None:
        if not force:
            refuse_existing(output)
        _clear_other_kind(output, kind)
    if kind in _TABLES:
        if compression is not None:
            raise OptionError(
                f"{output}: {_TABLES[kind]} is compressed inside. Name it .{kind} alone."
            )
        if kind == "xlsx":
            check_width(len(layout.columns or ()) + len(layout.answer_columns))
        return TableFile(
            output,
            layout,
            types,
            job=job or {},
            checkpoint=checkpoint,
            join=write_workbook if kind == "xlsx" else write_parquet,
        )
    return RecordFile(
        output,
        _encoder(kind, layout),
        job=job or {},
        compression=compression,
        checkpoint=checkpoint,
        mark=mark and kind in DELIMITERS,
    )


def choose_format(output: Path) -> OutputFormat:
    """Format of an output by its name; a device or a pipe has no name and gets JSON Lines."""
    if output.exists() and not output.is_file() and not output.is_dir():
        return "jsonl"
    return output_format(output)


def _open_stream(output: Path | None, kind: OutputFormat, layout: Layout, *, resume: bool) -> Sink:
    if kind in _TABLES:
        raise OptionError(f"{_TABLES[kind]} can't be written to a pipe. Name a file with -o.")
    if resume:
        raise OptionError("--resume needs an output file: name it with -o.")
    try:
        if output is None:
            number = sys.__stdout__.fileno() if sys.__stdout__ else 1
            file = io.FileIO(number, "wb", closefd=False)
        else:
            file = io.FileIO(os.open(output, os.O_WRONLY), "wb")
    except OSError as error:
        raise OutputError(unwritable(str(output), error)) from None
    name = "stdout" if output is None else str(output)
    return RecordStream(file, _encoder(kind, layout), name=name)


def _encoder(kind: OutputFormat, layout: Layout) -> RecordEncoder:
    if kind in DELIMITERS:
        return DelimitedEncoder(layout, delimiter=DELIMITERS[kind])
    return JsonLinesEncoder(layout)


def _clear_other_kind(output: Path, kind: OutputFormat) -> None:
    """What an earlier job of another format left under the same name makes room."""
    partial = partial_path(output)
    try:
        if kind in _TABLES and partial.is_file():
            partial.unlink()
        elif kind not in _TABLES and partial.is_dir():
            shutil.rmtree(partial)
    except OSError as error:
        raise OutputError(unwritable(output, error)) from None
