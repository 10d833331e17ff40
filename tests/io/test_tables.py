import datetime
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentire.errors import OptionError
from sentire.io.checkpoint import Tally
from sentire.io.inputs import InputOptions, open_input
from sentire.io.records import Layout
from sentire.io.rows import Row, broken
from sentire.io.sink import open_sink
from sentire.types import RowError, Unscored

FAILED = Unscored(text="x", error=broken("line 1 is broken"))


def write_parts(path, *parts, types=None, columns=None):
    """Write each part's rows and commit behind it."""
    sink = open_sink(path, "parquet", Layout("text", columns), types=types)
    for part in parts:
        for fields in part:
            sink.write(Row(1, "x", fields), FAILED)
        sink.commit(Tally(), "")
    sink.finish()
    return pq.read_table(path)


@pytest.mark.parametrize(
    ("parts", "kind", "values"),
    [
        pytest.param([[1, None], [2, 3]], pa.int64(), [1, None, 2, 3], id="integers"),
        pytest.param([[1], [2.5]], pa.float64(), [1.0, 2.5], id="numbers"),
        pytest.param([[None], [2]], pa.int64(), [None, 2], id="nothing at first"),
        pytest.param([[None]], pa.string(), [None], id="nothing at all"),
        pytest.param([[1], ["a"]], pa.string(), ["1", "a"], id="a number, later a text"),
        pytest.param([[True], ["a"]], pa.string(), ["true", "a"], id="a truth, later a text"),
        pytest.param([[1, "a"]], pa.string(), ["1", "a"], id="a number and a text"),
        pytest.param([[True, 1]], pa.string(), ["true", "1"], id="a truth and a number"),
        pytest.param([[2**70]], pa.string(), [str(2**70)], id="beyond 64 bits"),
        pytest.param([[{"a": 1}], [[2]]], pa.string(), ['{"a":1}', "[2]"], id="nested values"),
        pytest.param(
            [[Decimal("1.5")], [Decimal("100.25")]],
            pa.decimal128(5, 2),
            [Decimal("1.50"), Decimal("100.25")],
            id="decimals",
        ),
        pytest.param(
            [[datetime.date(2024, 1, 2)]], pa.date32(), [datetime.date(2024, 1, 2)], id="dates"
        ),
        pytest.param([[uuid.UUID(int=1)]], None, None, id="a type that Arrow may not know"),
    ],
)
def test_untyped_columns_get_the_narrowest_type_that_fits_all_parts(tmp_path, parts, kind, values):
    table = write_parts(tmp_path / "out.parquet", *([{"c": v} for v in part] for part in parts))
    if kind is not None:
        assert table.schema.field("c").type == kind
        assert table.column("c").to_pylist() == values
    assert table.num_rows == sum(map(len, parts))


def test_columns_stand_in_the_order_of_their_first_appearance(tmp_path):
    table = write_parts(
        tmp_path / "out.parquet", [{"b": 1, "text": "x"}], [{"a": 2, "text": "y", "b": 3}]
    )
    assert table.column_names[:4] == ["b", "text", "a", "label"]
    assert table.column("a").to_pylist() == [None, 2]


def test_columns_that_came_with_a_type_keep_it(tmp_path):
    moment = np.datetime64("2024-01-02T03:04:05.123456789")
    given = pa.table(
        {
            "text": pa.array(["a", "b"], pa.large_string()),
            "small": pa.array([1, None], pa.int8()),
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "at": pa.array([moment, None], pa.timestamp("ns")),
            "zoned": pa.array([moment, None]).cast(pa.timestamp("ns", "Asia/Shanghai")),
            "price": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
            "tags": pa.array([["p"], []], pa.list_(pa.string())),
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
            "raw": pa.array([b"\xff", None], pa.binary()),
            "label": pa.array([0, 1], pa.int16()),
            "empty": pa.nulls(2),
        }
    )
    pq.write_table(given, tmp_path / "in.parquet")
    with open_input(tmp_path / "in.parquet") as source:
        table = write_parts(
            tmp_path / "out.parquet",
            [row.fields for row in source],
            types=source.types,
            columns=source.columns,
        )
    carried = table.select(["input_label" if n == "label" else n for n in given.column_names])
    for field, kept in zip(given.schema, carried.schema, strict=True):
        assert kept.type == (pa.string() if field.name == "empty" else field.type)
    assert carried.equals(given.rename_columns(carried.column_names).cast(carried.schema))
    assert table.schema.field("score").type == pa.float64()
    assert table.schema.field("truncated").type == pa.bool_()


def test_a_table_without_rows_still_has_its_columns(tmp_path):
    table = write_parts(tmp_path / "out.parquet", [], columns=("id", "text"))
    assert table.num_rows == 0
    assert table.column_names[:3] == ["id", "text", "label"]


def test_compressing_parquet_again_is_refused(tmp_path):
    with pytest.raises(OptionError, match="compressed inside"):
        open_sink(tmp_path / "out.parquet.gz", "parquet", Layout("text"))


def test_numbers_of_csv_are_numbers_and_what_only_looks_so_stays_text(tmp_path):
    (tmp_path / "in.csv").write_text(
        "id,text,stars,price,postcode,gap\n"
        "1,5,4,4.50,010000,\n"
        "2,good,5,12.00,200000,7\n"
        "3,nice, but slow,3,1.00,100000,8\n"
    )
    with open_input(tmp_path / "in.csv", InputOptions(text_column="text")) as source:
        sink = open_sink(
            tmp_path / "out.parquet",
            "parquet",
            Layout(source.text_column, source.columns),
            types=source.types,
        )
        for row in source:
            sink.write(row, Unscored(text="", error=row.error or RowError("empty_text", "")))
            sink.commit(Tally(), "")  # a part for each row
        sink.finish()
    table = pq.read_table(tmp_path / "out.parquet")
    assert {name: str(table.schema.field(name).type) for name in source.columns} == {
        "id": "int64",
        "text": "string",
        "stars": "int64",
        "price": "double",
        "postcode": "string",
        "gap": "int64",
    }
    assert table.column("id").to_pylist() == [1, 2, 3]
    assert table.column("stars").to_pylist() == [4, 5, None]
    assert table.column("gap").to_pylist() == [None, 7, 100_000]
    assert table.column("error_source").to_pylist()[2] == "3,nice, but slow,3,1.00,100000,8"


def test_json_texts_that_look_like_numbers_stay_texts(tmp_path):
    table = write_parts(tmp_path / "out.parquet", [{"text": "x", "code": "12"}])
    assert table.schema.field("code").type == pa.string()
