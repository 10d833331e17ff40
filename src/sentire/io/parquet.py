"""Parquet files: rows with their types, a batch at a time.

Reads:   a Parquet file; a compressed or piped one through a temporary copy, for it has no start
Gives:   one record a row, and the types that the output keeps
Never:   holds more than a batch of a row group's columns
"""

from collections.abc import Iterator
from contextlib import ExitStack

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
        self._resources = ExitStack()
        try:
            file = stream.seekable_path or self._resources.enter_context(stream.seekable())
            self._file = pq.ParquetFile(file)
        except (OSError, pa.ArrowException) as error:
            self._resources.close()
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
        return {name: "text" if is_text(kind) else "other" for name, kind in self.types.items()}

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
        self._resources.close()


def is_text(kind: pa.DataType) -> bool:
    """Whether values of a type are strings."""
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
