"""Parquet files: rows with their types, a batch at a time.

Reads:   a Parquet file; a compressed or piped one through a temporary copy, for it has no start
Gives:   one record a row, and the types that the output keeps
Never:   holds more than a batch of a row group's columns
"""

import shutil
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentire.errors import SourceError
from sentire.io.columns import Evidence, unique_names
from sentire.io.rows import Fields, Undecodable, readable
from sentire.io.streams import ByteStream, unreadable
from sentire.types import RowError

_BATCH = 1024


class ParquetReader:
    """Rows of a Parquet file.

    Attributes
    ----------
    columns : tuple of str
    types : dict of column name -> pyarrow.DataType

    Raises
    ------
    SourceError
        It is no Parquet file.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._copy: IO[bytes] | None = None
        try:
            if stream.seekable_path is None:
                self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
                shutil.copyfileobj(stream.reader, self._copy, 1 << 20)
                self._copy.seek(0)
                self._file = pq.ParquetFile(self._copy)
            else:
                self._file = pq.ParquetFile(stream.seekable_path)
        except (OSError, pa.ArrowException) as error:
            self._drop_copy()
            if isinstance(error, pa.ArrowInvalid):
                raise SourceError(
                    f"{stream.name} is no whole Parquet file. Check it, or name its format with "
                    "--input-format."
                ) from None
            raise SourceError(unreadable(stream.name, error)) from None
        schema = self._file.schema_arrow
        self.columns = unique_names(schema.names)
        self.types = dict(zip(self.columns, schema.types, strict=True))
        self._n_read = 0

    @property
    def evidence(self) -> dict[str, Evidence]:
        """Which columns are text: here the types say it."""
        return {name: "text" if _is_text(kind) else "other" for name, kind in self.types.items()}

    def fraction_read(self) -> float:
        """0 to 1."""
        return float(self._n_read / max(1, self._file.metadata.num_rows))

    def __iter__(self) -> Iterator[Fields | RowError]:
        for batch in self._file.iter_batches(batch_size=_BATCH):
            columns = [_values(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                self._n_read += 1
                yield readable(dict(zip(self.columns, values, strict=True)), self._n_read)

    def close(self) -> None:
        """Close the file and drop the copy."""
        self._file.close()
        self._drop_copy()

    def _drop_copy(self) -> None:
        if self._copy is not None:
            self._copy.close()


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's datetime has no nanoseconds; numpy's has.
        return [None if np.isnat(v) else v for v in column.to_numpy(zero_copy_only=False)]
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        # Inside a list or a struct the bytes can't be reached.
        raw = scalar.as_buffer() if hasattr(scalar, "as_buffer") else b""
        return Undecodable(bytes(raw).decode(errors="replace"))
