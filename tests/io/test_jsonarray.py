import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.errors import OptionError, SourceError
from sentire.io import jsonarray
from sentire.io.inputs import InputOptions, open_input
from sentire.io.jsonarray import JsonArrayReader


class Trickle:
    """A stream that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def read(self, n_bytes):
        n_bytes = min(n_bytes, self.size)
        given, self.data = self.data[:n_bytes], self.data[n_bytes:]
        return given


def parse(data, *, size=1 << 16, encoding="utf-8"):
    return list(JsonArrayReader(Trickle(data, size), encoding, name="f.json"))


VALUES = st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.floats())


@given(st.lists(VALUES), st.integers(1, 9), st.sampled_from([None, 2]), st.booleans())
def test_what_the_json_module_writes_comes_back(records, size, indent, ascii_only):
    records = [{"k": record} for record in records]
    data = json.dumps(records, indent=indent, ensure_ascii=ascii_only)
    assert repr(parse(data.encode(), size=size)) == repr(records)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "utf-32"])
def test_a_list_is_read_in_every_encoding(read, outcome, encoding):
    data = '\n[\n {"text": "good"},\n "很好",\n {"text": "第三"}\n]\n'.encode(encoding)
    assert outcome(read("in.json", data)) == ["good", "很好", "第三"]


def test_a_json_file_of_one_object_a_line_is_read_too(read, outcome):
    assert outcome(read("in.json", b'{"text": "a"}\n{"text": "b"}\n')) == ["a", "b"]


def test_elements_that_are_no_rows_keep_their_place(read, outcome):
    data = (
        b'[{"text": "a"},\n7,\n{"text": null},\n[1],\n{"text": "\xff"},\n{"text": "b", "n": NaN}]'
    )
    assert outcome(read("in.json", data)) == [
        "a", "broken_row", "not_text", "broken_row", "broken_row", "b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b'[{"text": "a"}, {"text": "cut', "element 2", id="cut inside an element"),
        pytest.param(b'[{"text": "a"}', "a comma or", id="cut behind an element"),
        pytest.param(b'[{"text": "a"} {"text": "b"}]', "a comma or", id="no comma"),
        pytest.param(b'[{"text": "a"}, {text: "b"}]', "element 2: Expecting", id="no JSON"),
        pytest.param(b'[{"text": "a"},]', "element 2", id="a comma too much"),
        pytest.param(b'["a"] x', "behind the end", id="more behind the list"),
        pytest.param(b"[" * 200_000, "nested too deeply", id="nested without end"),
    ],
)
def test_behind_what_is_broken_nothing_is_guessed(read, data, reason):
    with pytest.raises(SourceError, match=reason):
        read("in.json", data)


@pytest.mark.parametrize("data", [b'{\n "data": [{"text": "a"}]\n}', b"7", b""])
def test_what_is_no_list_is_said(data):
    with pytest.raises(SourceError, match="no JSON list"):
        parse(data)


def test_an_element_without_end_is_given_up_after_a_bound(monkeypatch):
    monkeypatch.setattr(jsonarray, "LONGEST", 1 << 20)
    with pytest.raises(SourceError, match="within 1 Mi characters"):
        parse(b'["' + b"x" * (8 << 20))


def test_a_long_list_is_read_as_it_comes():
    stream = Trickle(b'[{"text": "good"}' + b', {"text": "good"}' * 500_000 + b"]", 1 << 16)
    rows = iter(JsonArrayReader(stream, "utf-8", name="f"))
    next(rows)
    assert len(stream.data) > 8_000_000, "the rest was not read yet"


def test_all_columns_are_known_when_asked_for(tmp_path):
    path = tmp_path / "in.json"
    path.write_text(json.dumps([{"text": "a"}] * 300 + [{"text": "b", "late": 1}]))
    with open_input(path, InputOptions(all_columns=True)) as source:
        assert source.columns == ("text", "late")
        assert len(list(source)) == 301


def test_options_of_cells_do_not_go_with_json(read):
    with pytest.raises(OptionError, match="--no-header goes with CSV, TSV and Excel"):
        read("in.json", b"[]", header=False)
