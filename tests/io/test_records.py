import csv
import datetime
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.io.records import DelimitedEncoder, JsonLinesEncoder, Layout
from sentire.io.rows import Row, broken
from sentire.types import Unscored

FAILED = Unscored(text="x", error=broken("line 1 is broken"))


def csv_rows(layout, *rows):
    encoder = DelimitedEncoder(layout)
    data = encoder.header() + b"".join(encoder.encode(row, answer) for row, answer in rows)
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_a_json_line_is_the_record_and_the_other_columns(tiny_analyzer):
    answer = tiny_analyzer.analyze("I love this")
    encoder = JsonLinesEncoder(Layout("text"))
    alone = json.loads(encoder.encode(Row(1, "I love this", {"text": "I love this"}), answer))
    beside = json.loads(
        encoder.encode(
            Row(1, "", {"id": 2**70, "text": "", "at": datetime.date(2024, 1, 2), "d": Decimal(1)}),
            answer,
        )
    )
    assert beside.pop("input") == {"id": 2**70, "at": "2024-01-02", "d": "1"}
    assert alone == beside
    assert {"text", "label", "score", "probabilities", "model"} < alone.keys()


def test_csv_holds_the_answer_flat(tiny_analyzer):
    text = "房间很大，但是服务太差了。"
    answer = tiny_analyzer.analyze(text, sentences=True, emotion=True)
    layout = Layout("text", ("id", "text", "label"), sentences=True, emotion=True)
    fields = {"id": 7, "text": text, "label": "old"}
    (row,) = csv_rows(layout, (Row(1, text, fields), answer))
    assert (row["id"], row["text"], row["input_label"]) == ("7", text, "old")
    assert row["label"] == answer.label
    assert float(row["score"]) == answer.score
    assert float(row["negative"]) == answer.probabilities["negative"]
    assert row["mixed"] == str(answer.mixed).lower()
    assert (row["language"], row["truncated"], row["error"]) == ("zh", "false", "")
    assert row["emotion"] == answer.emotion.label
    assert json.loads(row["sentences"])[0]["start"] == 0


def test_a_row_that_failed_has_its_code_and_empty_cells():
    (row,) = csv_rows(Layout("text", ("text",)), (Row(1, "", {}, FAILED.error), FAILED))
    assert row["error"] == "broken_row"
    assert row["error_message"] == "line 1 is broken"
    assert set(row.values()) == {"broken_row", "line 1 is broken", ""}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        pytest.param("=1+1", "'=1+1", id="a formula"),
        pytest.param("@me", "'@me", id="at"),
        pytest.param("-- so", "'-- so", id="a dash"),
        pytest.param("+good", "'+good", id="a plus"),
        pytest.param("\tx", "'\tx", id="a tab"),
        pytest.param("\rx", "'\rx", id="a carriage return"),
        pytest.param("\nx", "'\nx", id="a line end"),
        pytest.param("＝1+1", "'＝1+1", id="a wide equals sign"),
        pytest.param("＠me", "'＠me", id="a wide at"),
        pytest.param("-0.5", "-0.5", id="a negative share as text"),
        pytest.param("-12.5", "-12.5", id="a negative number as text"),
        pytest.param(-12.5, "-12.5", id="a negative number"),
        pytest.param("a=b", "a=b", id="a sign inside"),
        pytest.param(None, "", id="nothing"),
        pytest.param(True, "true", id="a truth"),
        pytest.param(b"ab", "YWI=", id="bytes"),
        pytest.param({"a": [1]}, '{"a":[1]}', id="a nested value"),
        pytest.param(datetime.datetime(2024, 1, 2, 3), "2024-01-02T03:00:00", id="a moment"),
    ],
)
def test_a_cell_is_safe_in_a_spreadsheet(value, cell):
    (row,) = csv_rows(Layout("text", ("c",)), (Row(1, "x", {"c": value}), FAILED))
    assert row["c"] == cell


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_any_text_is_one_record_of_csv(texts):
    rows = [(Row(1, text, {"c": text}), FAILED) for text in texts]
    found = [row["c"] for row in csv_rows(Layout("c", ("c",)), *rows)]
    assert [cell.removeprefix("'") for cell in found] == [text.removeprefix("'") for text in texts]


def test_the_header_is_disarmed():
    header = DelimitedEncoder(Layout("text", ("=x",))).header()
    assert header.startswith(b"'=x,label,score")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_any_text_is_one_record_of_tsv(texts):
    encoder = DelimitedEncoder(Layout("c", ("c",)), delimiter="\t")
    data = encoder.header() + b"".join(
        encoder.encode(Row(1, text, {"c": text}), FAILED) for text in texts
    )
    rows = csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter="\t")
    found = [row["c"] for row in rows]
    assert [cell.removeprefix("'") for cell in found] == [text.removeprefix("'") for text in texts]
