"""Write a table in parts that survive an interruption, and join them at the end.

Reads:   rows and their answers
Gives:   ``<output>.partial/part-….parquet`` and at the end ``<output>``, whole: Parquet or Excel
Never:   changes the type of a column that came with one; others get the narrowest that fits all
"""

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentire.errors import BrokenRow, OutputError
from sentire.io.checkpoint import (
    JobCheckpoint,
    Tally,
    clear_checkpoint,
    partial_path,
    save_checkpoint,
)
from sentire.io.columns import output_name
from sentire.io.failures import unwritable
from sentire.io.numerals import Numerals, read_numbers
from sentire.io.records import Cell, Layout, answer_values, as_text
from sentire.io.rows import Fields, Row
from sentire.types import Answer

_PART_ROWS = 5000
_PART_CHARACTERS = 16 << 20
_PART_S = 30.0
_GROUP_ROWS = 50_000
_GROUP_BYTES = 16 << 20
_NUMBERS = {"score", "negative", "neutral", "positive"}
_TRUTHS = {"mixed", "truncated"}


class TableFile:
    """A sink of rows that ends as one file.

    Parameters
    ----------
    output : Path
    layout : Layout
    types : dict of column name -> pyarrow.DataType, or None where the values must tell
        Cells whose type is None have none, as in CSV; they become numbers where all of them are.
    job : dict of str
        What makes the job the one it is.
    checkpoint : JobCheckpoint or None
        Where to go on.
    join : callable
        Writes the joined table: :func:`write_parquet`, or that of another format.

    Attributes
    ----------
    notes : tuple of str
        What :meth:`finish` has to say to a person.

    Raises
    ------
    OutputError
        The folder of parts can't be written.
    """

    def __init__(
        self,
        output: Path,
        layout: Layout,
        types: dict[str, Any] | None,
        *,
        job: dict[str, str],
        checkpoint: JobCheckpoint | None,
        join: "Join",
    ) -> None:
        self.checkpoint = checkpoint
        self.notes: tuple[str, ...] = ()
        self._output, self._layout, self._types, self._job = output, layout, types, job
        self._join = join
        self._parts = partial_path(output)
        self._n_parts = checkpoint.position if checkpoint else 0
        self._kept = checkpoint is not None
        self._clear()
        try:
            if checkpoint is None:
                clear_checkpoint(output)
                if self._parts.is_dir():
                    shutil.rmtree(self._parts)
                self._parts.mkdir()
        except OSError as error:
            raise OutputError(unwritable(output, error)) from None

    @property
    def due(self) -> bool:
        """Whether the part is full or old."""
        return (
            len(self._fields) >= _PART_ROWS
            or self._n_characters >= _PART_CHARACTERS
            or time.monotonic() - self._began > _PART_S
        )

    def write(self, row: Row, answer: Answer) -> None:
        """Add a row to the part."""
        self._fields.append(row.fields)
        self._answers.append(answer_values(row, answer, self._layout))
        self._n_characters += sum(len(v) for v in row.fields.values() if isinstance(v, str))

    def commit(self, tally: Tally, digest: str) -> None:
        """Write the part, wait for the disk, then move the checkpoint behind it.

        Raises
        ------
        OutputError
            The disk is full, or fails.
        """
        try:
            n_parts = self._n_parts
            if self._fields or not n_parts:
                _write_synced(self._part(n_parts), self._table())
                n_parts += 1
            save_checkpoint(
                self._output,
                JobCheckpoint(job=self._job, tally=tally, digest=digest, position=n_parts),
            )
        except OSError as error:
            raise OutputError(unwritable(self._output, error, resumable=True)) from None
        self._kept = True
        self._n_parts = n_parts
        self._clear()

    def finish(self) -> None:
        """Join the parts; call after a last :meth:`commit`.

        Raises
        ------
        OutputError
            They can't be joined.
        """
        joined = self._parts / "joined"
        try:
            schema = self._joined_schema()
            self.notes = self._join(joined, schema, self._groups(schema))
            with joined.open("rb+") as file:
                os.fsync(file.fileno())
            joined.replace(self._output)
            clear_checkpoint(self._output)
            shutil.rmtree(self._parts)
        except OSError as error:
            raise OutputError(unwritable(self._output, error, resumable=True)) from None

    def close(self) -> None:
        """Take the folder of parts away where nothing of it is safe."""
        if not self._kept:
            shutil.rmtree(self._parts, ignore_errors=True)

    def _clear(self) -> None:
        self._fields: list[Fields] = []
        self._answers: list[list[Cell]] = []
        self._n_characters = 0
        self._began = time.monotonic()

    def _part(self, number: int) -> Path:
        return self._parts / f"part-{number:06d}.parquet"

    def _table(self) -> pa.Table:
        answers = self._layout.answer_columns
        names = self._types or self._layout.columns
        if names is None:
            names = dict.fromkeys(name for fields in self._fields for name in fields)
        columns = {
            output_name(name, answers): _typed(
                [fields.get(name) for fields in self._fields], (self._types or {}).get(name)
            )
            for name in names
        }
        for at, name in enumerate(answers):
            columns[name] = pa.array([row[at] for row in self._answers], type=_answer_type(name))
        return pa.table(columns)

    def _joined_schema(self) -> pa.Schema:
        """Columns in the order of their first appearance, the answer's last."""
        types: dict[str, Any] = {}
        for number in range(self._n_parts):
            for field in pq.read_schema(self._part(number)):
                types[field.name] = _common_type(types.get(field.name, field.type), field.type)
        types |= self._numbers()
        for name in self._layout.answer_columns:
            types[name] = types.pop(name)
        return pa.schema(
            [(name, pa.string() if kind == pa.null() else kind) for name, kind in types.items()]
        )

    def _numbers(self) -> dict[str, Any]:
        """Columns of cells without types that hold numbers; broken rows have no say in it."""
        untyped = [name for name, kind in (self._types or {}).items() if kind is None]
        columns = {output_name(n, self._layout.answer_columns): Numerals() for n in untyped}
        for number in range(self._n_parts if columns else 0):
            part = _read(self._part(number))
            whole = [code != BrokenRow.code for code in part.column("error").to_pylist()]
            for name, numerals in columns.items():
                numerals.add(itertools.compress(part.column(name).to_pylist(), whole))
        kinds = {name: numerals.kind for name, numerals in columns.items()}
        return {name: kind for name, kind in kinds.items() if kind != pa.string()}

    def _groups(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """Parts put together to row groups of a useful size."""
        waiting: list[pa.Table] = []
        for number in range(self._n_parts):
            waiting.append(_cast(_read(self._part(number)), schema))
            if (
                sum(table.num_rows for table in waiting) >= _GROUP_ROWS
                or sum(table.nbytes for table in waiting) >= _GROUP_BYTES
            ):
                yield pa.concat_tables(waiting)
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting)


Join = Callable[[Path, pa.Schema, Iterator[pa.Table]], tuple[str, ...]]
"""Writes a table that comes in groups of rows, and gives what a person should know of it."""


def write_parquet(path: Path, schema: pa.Schema, groups: Iterator[pa.Table]) -> tuple[str, ...]:
    """Write a Parquet file; there is nothing to note.

    Parameters
    ----------
    path : of the new file
    schema : of all groups
    groups : the rows, in order
    """
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in groups:
            writer.write_table(group, row_group_size=_GROUP_ROWS)
    return ()


def _write_synced(path: Path, table: pa.Table) -> None:
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> pa.Table:
    # read_table would bring in the whole dataset engine for a file that fits in memory.
    with pq.ParquetFile(path) as file:
        return file.read(use_threads=False)


def _answer_type(name: str) -> Any:
    if name in _NUMBERS:
        return pa.float64()
    return pa.bool_() if name in _TRUTHS else pa.string()


def _typed(values: list[object], kind: Any) -> pa.Array:
    """Values as an array of ``kind``, or of the type they have in common, else as text."""
    if kind is not None:
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            moments = np.array([np.datetime64("NaT") if v is None else v for v in values])
            return pa.array(moments.astype("datetime64[ns]")).cast(kind, safe=False)
        return pa.array(values, type=kind)
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or (len(kinds) == 1 and not kinds & {dict, list, tuple}):
        try:
            return pa.array(
                [float(v) if isinstance(v, int) else v for v in values]
                if kinds == {int, float}
                else values
            )
        except (pa.ArrowException, OverflowError):
            pass  # integers beyond 64 bits, or a type that Arrow does not know
    return pa.array([None if v is None else as_text(v) for v in values], type=pa.string())


def _common_type(one: Any, other: Any) -> Any:
    if one == other:
        return one
    try:
        schemas = [pa.schema([("column", kind)]) for kind in (one, other)]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
        else:
            columns.append(_cast_column(table.column(field.name), field.type))
    return pa.table(columns, schema=schema)


def _cast_column(column: pa.ChunkedArray, kind: Any) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) and (pa.types.is_integer(kind) or kind == pa.float64()):
        return pa.chunked_array([read_numbers(column.to_pylist(), kind)])
    try:
        return column.cast(kind, safe=not pa.types.is_floating(kind))
    except pa.ArrowException:
        texts = [None if value is None else as_text(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, type=pa.string())])
