import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.errors import SourceError
from sentire.io.jsonlines import JsonLinesReader, columns_of
from sentire.io.lines import Line


def test_rows_are_objects_and_broken_ones_keep_their_place(read, outcome):
    data = b"""{"text": "good", "id": 1}
{"text": "cut
{"id": 2}
{"text": 5}
{"text": null}
[1, 2]
{"text": "\xff"}
"bare"

{"text": "", "id": [{"deep": true}]}
"""
    rows = read("in.jsonl", data)
    assert outcome(rows) == [
        "good", "broken_row", "broken_row", "not_text", "not_text", "broken_row", "broken_row",
        "bare", "",
    ]  # fmt: skip
    assert [row.number for row in rows] == list(range(1, 10))
    assert rows[-1].fields == {"text": "", "id": [{"deep": True}]}
    assert rows[3].fields == {"text": 5}


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.floats())))
def test_what_the_json_module_writes_comes_back(records):
    records = [{"k": record} for record in records]
    lines = [Line(json.dumps(record) + "\n") for record in records]
    found = list(JsonLinesReader(iter(lines), name="f"))
    assert repr(found) == repr(records)


def test_nan_and_half_a_surrogate_pair_are_read_as_others_write_them(read):
    (row,) = read("in.jsonl", rb'{"text": "so \ud83d", "n": NaN}')
    assert row.text == "so \ufffd"
    assert math.isnan(row.fields["n"])


@pytest.mark.parametrize("data", [b'[{"text": "a"}]', b'{\n "text": "a"\n}', b"[\n1]"])
def test_one_document_is_no_json_lines(read, data):
    with pytest.raises(SourceError, match=r"--input-format json.*jq"):
        read("in.jsonl", data)


def test_deep_nesting_breaks_one_row(read, outcome):
    deep = b'{"text": ' + b"[" * 100_000 + b"\n"
    assert outcome(read("in.jsonl", b'{"text": "a"}\n' + deep)) == ["a", "broken_row"]


def test_columns_are_collected_over_the_whole_stream():
    lines = [Line('{"a": 1, "text": "x"}'), Line("{"), Line('{"b": 1, "a": 2}')]
    assert columns_of(JsonLinesReader(iter(lines), name="f")) == ["a", "text", "b"]
