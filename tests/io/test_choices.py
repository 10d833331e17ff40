"""What is said where a file can be read in more than one way, and cells that are missing."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentire.errors import SourceError
from sentire.io.inputs import InputOptions, open_input


@pytest.fixture
def notes(tmp_path):
    def read_notes(name, data, **wanted):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        with open_input(path, InputOptions(**wanted)) as source:
            list(source)
            return " ".join(source.notes).replace(str(tmp_path), "")

    return read_notes


def test_a_first_line_that_may_be_a_text_is_said(notes):
    assert "if it is a text, say --no-header" in notes("in.csv", "太差了\n很好\n")
    assert "if it is a text, say --no-header" in notes("in.csv", "1,太差了\n2,很好\n")
    assert notes("in.csv", "太差了\n很好\n", header=False) == ""


@pytest.mark.parametrize("data", ["text\ngood\n", "id,评论,date\n1,很好,2024-05-06\n"])
def test_nothing_is_said_where_there_is_no_choice(notes, data):
    assert notes("in.csv", data) == ""


def test_other_columns_that_may_be_the_text_are_said(notes):
    data = "title,text,author\nShort,It was good,Ann\n"
    said = notes("in.csv", data)
    assert "column 'text' is taken as the text; 'title', 'author' may be too" in said
    assert notes("in.csv", data, text_column="title") == ""


def test_a_long_first_line_is_not_repeated_whole(notes):
    assert len(notes("in.csv", "很" * 5000 + "\n好\n")) < 300


def test_encoding_and_delimiter_are_said_where_they_may_be_others(notes):
    assert "read as gb18030" in notes("in.csv", "text\n太差了\n".encode("gb18030"))
    assert notes("in.csv", "text\n太差了\n".encode("gb18030"), encoding="gb18030") == ""
    assert "divided by ','; ';' stands in line 1 too" in notes("in.csv", "a;b,text\n1,good\n")
    assert "sep=" not in notes("in.csv", "sep=,\na;b,text\n1,good\n")


MISSING = ["NaN", "nan", "null", "NULL", "None", "N/A", "NA", "#REF!", "#DIV/0!", "#VALUE!", "#N/A"]


@pytest.mark.parametrize("cell", MISSING)
def test_missing_values_are_no_texts_unless_asked_for(read, outcome, cell):
    data = f"id,text\n1,{cell}\n2,{cell} of it\n".encode()
    rows = read("in.csv", data)
    assert outcome(rows) == ["not_text", f"{cell} of it"]
    assert rows[0].missing
    assert rows[0].fields == {"id": "1", "text": cell}
    assert outcome(read("in.csv", data, keep_na=True)) == [cell, f"{cell} of it"]


def test_formats_with_a_null_of_their_own_keep_such_texts(read, outcome):
    assert outcome(read("in.jsonl", b'{"text": "None"}\n"null"\n')) == ["None", "null"]
    assert outcome(read("in.txt", b"null\n")) == ["null"]


def test_missing_values_make_no_column_of_numbers_a_text(read):
    rows = read("in.csv", b"stars,words\n1,good\nN/A,bad\n#REF!,fine\n")
    assert [row.text for row in rows] == ["good", "bad", "fine"]


@pytest.mark.parametrize("change", [{"header": False}, {"keep_na": True}, {"encoding": "latin-1"}])
def test_an_option_that_changes_rows_changes_the_identity(tmp_path, change):
    path = tmp_path / "in.csv"
    path.write_text("text\ngood\n")
    with open_input(path) as one, open_input(path, InputOptions(**change)) as other:
        assert one.identity != other.identity


NESTED = [{"id": 1, "data": {"text": "deep", "n": 1}}, {"id": 2, "data": {"n": 2}}, {"id": 3}]


@pytest.mark.parametrize("name", ["in.json", "in.jsonl"])
def test_a_key_inside_another_is_named_with_dots(read, outcome, name):
    lines = "\n".join(map(json.dumps, NESTED))
    data = json.dumps(NESTED) if name == "in.json" else lines
    rows = read(name, data.encode(), text_column="data.text")
    assert outcome(rows) == ["deep", "broken_row", "broken_row"]
    assert rows[0].fields == {**NESTED[0], "data.text": "deep"}


def test_a_column_with_the_dots_in_its_name_wins(read, outcome):
    data = b'{"data.text": "flat", "data": {"text": "deep"}}\n'
    assert outcome(read("in.jsonl", data, text_column="data.text")) == ["flat"]
    assert outcome(read("in.csv", b"data.text,x\nflat,1\n", text_column="data.text")) == ["flat"]


def test_fields_of_a_parquet_struct_are_named_with_dots(tmp_path):
    path = tmp_path / "in.parquet"
    rows = [{"data": {"text": "deep", "n": 1}}, {"data": {"text": None, "n": 2}}, {"data": None}]
    pq.write_table(pa.Table.from_pylist(rows), path)
    with open_input(path, InputOptions(text_column="data.text")) as source:
        assert source.columns == ("data", "data.text")
        assert source.types["data.text"] == pa.string()
        assert [row.text for row in source] == ["deep", "", ""]
    for wrong, reason in (("data.n", "holds int64, not text"), ("data.x", "no column 'data.x'")):
        with pytest.raises(SourceError, match=reason):
            open_input(path, InputOptions(text_column=wrong))


def test_a_path_that_leads_nowhere_is_refused(read):
    with pytest.raises(SourceError, match=r"no column 'data\.words'"):
        read("in.jsonl", b'{"data": {"text": "a"}}\n', text_column="data.words")
