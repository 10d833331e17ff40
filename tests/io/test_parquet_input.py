import datetime
import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentire.errors import SourceError
from sentire.io.inputs import InputOptions, open_input


def write(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_rows_keep_their_types(tmp_path):
    day = datetime.date(2024, 1, 2)
    path = write(tmp_path / "in.parquet", text=["好", None], n=[1, None], day=[day, None])
    with open_input(path) as source:
        rows = list(source)
        assert source.types["n"] == pa.int64()
        assert source.fraction_read() == 1
    assert rows[0].fields == {"text": "好", "n": 1, "day": day}
    assert rows[1].error.code == "not_text"


def test_the_only_string_column_is_the_text(tmp_path):
    kinds = pa.array(["a", "b"]).dictionary_encode()
    path = write(tmp_path / "in.parquet", words=kinds, n=[1, 2])
    with open_input(path) as source:
        assert source.text_column == "words"


def test_a_column_that_is_no_text_is_refused(tmp_path):
    path = write(tmp_path / "in.parquet", words=["a"], n=[1])
    with pytest.raises(SourceError, match="'n' holds int64"):
        open_input(path, InputOptions(text_column="n"))


def test_nanoseconds_survive(tmp_path):
    moment = np.datetime64("2024-01-02T03:04:05.123456789")
    path = write(tmp_path / "in.parquet", text=["a"], at=pa.array([moment]))
    with open_input(path) as source:
        assert next(iter(source)).fields["at"] == moment


def test_compressed_parquet_is_read_through_a_copy(tmp_path):
    path = write(tmp_path / "in.parquet", text=["a", "b"])
    packed = tmp_path / "in.parquet.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with open_input(packed) as source:
        assert [row.text for row in source] == ["a", "b"]


def test_a_string_that_is_not_utf8_breaks_its_row(tmp_path):
    data = pa.array([b"good", b"\xff\xfe", b"fine"]).cast(pa.string(), safe=False)
    path = write(tmp_path / "in.parquet", text=data)
    with open_input(path) as source:
        codes = [row.error.code if row.error else row.text for row in source]
    assert codes == ["good", "broken_row", "fine"]
