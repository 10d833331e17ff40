"""What could be read of a row that can't be scored is in the output, in every format."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentire.io.inputs import InputOptions, open_input
from sentire.io.job import ScoringJob
from sentire.io.records import Layout
from sentire.io.sink import open_sink

CSV = (
    'id,text,stars\n1,good,5\n2,nice, but slow,3\n3,"x" y,4\n4,b\xff,1\n5,bad,1\n6,short\n'.encode(
        "latin-1"
    )
)
JSON_LINES = b'{"id": 1, "text": 12345}\n{"id": 2, "text": "b\xff"}\n{"id": 3\n"fine"\n{"id": 5}\n'


@pytest.fixture
def scored(tiny_analyzer, tmp_path):
    """Records of an output of the format, for an input of these bytes."""

    def score(name, data, kind, **wanted):
        given, output = tmp_path / name, tmp_path / f"out.{kind}"
        if isinstance(data, bytes):
            given.write_bytes(data)
        with open_input(
            data if isinstance(data, str) else given,
            InputOptions(all_columns=kind in {"csv", "tsv"}, **wanted),
        ) as rows:
            layout = Layout(rows.text_column, rows.columns)
            sink = open_sink(output, kind, layout, types=rows.types)
            list(ScoringJob(rows, tiny_analyzer.analyze_many, sink).run())
        return read_records(output, kind)

    return score


def read_records(output, kind):
    """Flat records: the columns of the input and what was answered, missing values as ''."""
    if kind == "jsonl":
        records = [json.loads(line) for line in output.read_bytes().splitlines()]
        for record in records:
            error = record.get("error") or {"code": "", "message": ""}
            record |= {"error": error["code"], "error_message": error["message"]}
            record |= {"error_source": record.get("error_source", "")}
            record |= {name: str(value) for name, value in record.pop("input", {}).items()}
        return records
    if kind == "parquet":
        records = pq.read_table(output).to_pylist()
    elif kind == "xlsx":
        calamine = pytest.importorskip("python_calamine")
        header, *rows = calamine.load_workbook(str(output)).get_sheet_by_index(0).to_python()
        rows = [[int(v) if isinstance(v, float) and v == int(v) else v for v in r] for r in rows]
        records = [dict(zip(header, row, strict=True)) for row in rows]
    else:
        data = io.StringIO(output.read_text("utf-8-sig"), newline="")
        records = list(csv.DictReader(data, delimiter="\t" if kind == "tsv" else ","))
    return [
        {name: "" if value is None else str(value) for name, value in record.items()}
        for record in records
    ]


every_format = pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "parquet", "xlsx"])


@every_format
def test_a_broken_line_of_csv_keeps_its_cells_its_line_and_the_reason(scored, kind):
    records = scored("in.csv", CSV, kind)
    broken = {at: r for at, r in enumerate(records, 2) if r["error"] == "broken_row"}
    assert {at: r["error_source"] for at, r in broken.items()} == {
        3: "2,nice, but slow,3",
        4: '3,"x" y,4',
        5: "4,b\ufffd,1",
        7: "6,short",
    }
    assert {at: r["id"] for at, r in broken.items()} == {3: "2", 4: "3", 5: "4", 7: "6"}
    assert [r["text"] for r in broken.values()] == ["nice", '"x" y', "b\ufffd", "short"]
    for at, record in broken.items():
        assert record["error_message"].startswith(f"line {at} "), record
    assert "4 columns where the header has 3" in broken[3]["error_message"]
    assert records[0]["error_source"] == records[0]["error_message"] == ""


@every_format
def test_a_broken_json_line_keeps_what_it_says(scored, kind):
    number, undecodable, cut, fine, missing = scored(
        "in.jsonl", JSON_LINES, kind, text_column="text"
    )
    assert (number["error"], number["text"], number["id"]) == ("not_text", "12345", "1")
    assert number["error_message"] == "row 1: the value is int, not a text"
    assert (undecodable["error"], undecodable["text"]) == ("broken_row", "b\ufffd")
    assert undecodable["id"] == "2"
    assert (cut["error"], cut["error_source"]) == ("broken_row", '{"id": 3')
    assert cut["error_message"].startswith("line 3 is no JSON")
    assert (fine["error"], fine["text"]) == ("", "fine")
    assert (missing["error"], missing["id"]) == ("broken_row", "5")


@every_format
def test_a_broken_line_of_text_keeps_its_letters(scored, kind):
    (record,) = scored("in.txt", b"caf\xe9\n", kind, encoding="utf-8")
    assert record["text"] == "caf\ufffd"
    assert record["error_message"] == "line 1 is not valid utf-8 at its byte 4"


@every_format
def test_an_undecodable_value_of_a_table_is_kept_with_its_row(scored, tmp_path, kind):
    undecodable = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"b\xff")]
    )
    pq.write_table(pa.table({"id": [7], "text": undecodable}), tmp_path / "in.parquet")
    (record,) = scored("in.parquet", None, kind)
    assert (record["id"], record["text"]) == ("7", "b\ufffd")
    assert record["error_message"] == "row 1 holds bytes that are not valid UTF-8"


@every_format
def test_an_undecodable_value_of_a_database_is_kept_with_its_row(scored, tmp_path, kind):
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE r AS SELECT 7 AS id, CAST(x'62FF' AS TEXT) AS text")
    url = f"sqlite:///{tmp_path}/shop.db"
    (record,) = scored("", url, kind, query="SELECT id, text FROM r")
    assert (record["id"], record["text"]) == ("7", "b\ufffd")
    assert record["error"] == "broken_row"
