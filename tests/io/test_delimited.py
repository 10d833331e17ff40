import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.errors import SourceError
from sentire.io import delimited
from sentire.io.delimited import DelimitedReader
from sentire.io.lines import read_lines
from sentire.types import RowError


def parse(data, *, tabs=False):
    lines = read_lines(io.BytesIO(data.encode("utf-8", "surrogateescape")), "utf-8", name="f")
    return list(DelimitedReader(lines, tabs=tabs, name="f.csv"))


def texts(records):
    return [None if isinstance(record, RowError) else record["text"] for record in records]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), max_size=9)


@given(st.lists(st.tuples(cells, cells)), st.sampled_from([",", ";", "\t"]))
def test_what_the_csv_module_writes_comes_back(rows, delimiter):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "other"), *rows])
    assert parse(file.getvalue()) == [{"text": a, "other": b} for a, b in rows]


@given(st.lists(st.text('",\nab', max_size=12), max_size=12))
def test_broken_quoting_never_swallows_the_rest(noise):
    whole = "".join(f"{line}\n" for line in noise)
    records = parse(f'text,n\n{whole}"closed",1\nlast,2\n')
    if whole.count('"') % 2 == 0:
        assert texts(records)[-1] == "last"
    assert len(records) <= whole.count("\n") + 2


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param('1,"never closed\n2,good\n3,fine\n', [None, "good", "fine"], id="to the end"),
        pytest.param('1,"open\n2,b\n3,"c"\n4,d\n', [None, "b", "c", "d"], id="to the next quote"),
        pytest.param('1,"a "word" b"\n2,good\n', [None, "good"], id="a bare quote inside"),
        pytest.param('1,"two\nlines"\n2,x\n', ["two\nlines", "x"], id="a quoted line end"),
        pytest.param("1,a,b\n2,good\n", [None, "good"], id="too many columns"),
        pytest.param("1\n2,good\n", [None, "good"], id="too few columns"),
        pytest.param("1,\udcff\n2,good\n", [None, "good"], id="bytes that are not UTF-8"),
        pytest.param('1,"x\n\udcff"\n2,good\n', [None, "good"], id="bytes inside a quoted cell"),
        pytest.param("1,a\n\n2,b\n", ["a", "b"], id="a blank line is no row"),
        pytest.param("1,a\x00b\n", ["a\x00b"], id="a NUL byte stays"),
        pytest.param("1,a\rb\n2,good\n", [None, "good"], id="a bare carriage return"),
        pytest.param("1," + "x" * 300_000 + "\n", ["x" * 300_000], id="a huge cell"),
        pytest.param('1,"a""b"\r\n2,c\r\n', ['a"b', "c"], id="doubled quotes and CRLF"),
    ],
)
def test_a_broken_row_keeps_its_place(body, found):
    assert texts(parse("id,text\n" + body)) == found


def test_the_error_names_the_line():
    broken = parse('id,text\n1,a\n2,"x" y\n3,a,b\n')[1:]
    assert [record.message.split(" has")[0] for record in broken] == ["line 3", "line 4"]


def test_a_quote_that_is_never_closed_is_given_up_after_a_bound(monkeypatch):
    monkeypatch.setattr(delimited, "_LONGEST_QUOTE", 1 << 16)
    body = '1,"open\n' + "2,good\n" * 20_000
    records = parse("id,text\n" + body)
    assert isinstance(records[0], RowError)
    assert "not closed within 65,536 characters" in records[0].message
    assert len(records) == 20_001


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        pytest.param("id;text", ["id", "text"], id="semicolons"),
        pytest.param("id\ttext", ["id", "text"], id="tabs"),
        pytest.param("\ufeffid,text", ["id", "text"], id="a byte-order mark"),
        pytest.param("text,text", ["text", "text_2"], id="one name twice"),
        pytest.param('"a\nb",text', ["a\nb", "text"], id="a name over two lines"),
        pytest.param("a;b,text", ["a;b", "text"], id="a comma decides"),
    ],
)
def test_the_header_tells_columns_and_delimiter(header, columns):
    lines = read_lines(io.BytesIO(header.encode()), "utf-8", name="f")
    assert list(DelimitedReader(lines, tabs=False, name="f").columns) == columns


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param("", "is empty", id="an empty file"),
        pytest.param("\n1,a\n", "line 1 is blank", id="a blank header"),
        pytest.param('id,"text\n1,a\n', "never closed", id="a header with an open quote"),
        pytest.param("id,text\r1,a\r2,b", "carriage return", id="line ends of old Macs"),
        pytest.param("id,\udcff\n", "line 1 is not valid", id="a header that is not UTF-8"),
    ],
)
def test_without_a_header_there_is_one_clear_error(data, reason):
    with pytest.raises(SourceError, match=reason):
        parse(data)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param('1\t"so" they said\n2\tb\n', ['"so" they said', "b"], id="a quoted word"),
        pytest.param('1\t"open\n2\tb"\n', ['"open', 'b"'], id="two quotes on two lines"),
        pytest.param('1\t"a\n2\tb\n', ['"a', "b"], id="a quote that is never closed"),
        pytest.param('1\t"a\nb"\n', ["a\nb"], id="a quoted line end"),
    ],
)
def test_a_tsv_need_not_quote(body, found):
    assert texts(parse("id\ttext\n" + body, tabs=True)) == found


def test_a_blank_line_of_a_single_column_is_an_empty_text():
    assert texts(parse("text\na\n\nb\n")) == ["a", "", "b"]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        pytest.param("sep=;\nid;text\n1;a,b\n", [["1", "a,b"]], id="sep= in the first line"),
        pytest.param('"sep=|"\r\nid|text\r\n1|a;b\r\n', [["1", "a;b"]], id="sep= in quotes"),
        pytest.param('"id, old";text\n1;"a,b"\n', [["1", "a,b"]], id="a comma inside quotes"),
        pytest.param('"a;b;c",text\n1,x\n', [["1", "x"]], id="semicolons inside quotes"),
    ],
)
def test_what_divides_stands_outside_quotes_or_is_declared(data, rows):
    assert [list(record.values()) for record in parse(data)] == rows


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(r'1,"so \"good\", yes"', [r'so "good", yes'], id="in the middle"),
        pytest.param(r'1,"\"good\""', ['"good"'], id="at both ends"),
        pytest.param(r"1,so \"good\" x", ['so "good" x'], id="outside quotes"),
        pytest.param('1,"a \\"b\\" c\nd"', ['a "b" c\nd'], id="over two lines"),
        pytest.param(
            '1,"a \\"b\\" c"\n2,"C:\\new\\t\\\\"', ['a "b" c', "C:\\new\\t\\"], id="paths"
        ),
        pytest.param('1,"a \\"b\\" c"\n2,"say ""hi"""', ['a "b" c', 'say "hi"'], id="doubled too"),
        pytest.param('1,"C:\\dir\\"\n2,b', ["C:\\dir\\", "b"], id="a path and no escape"),
        pytest.param('1,"a \\"b\\" c"\n2,"C:\\dir\\"', ['a "b" c', "C:\\dir\\"], id="both"),
    ],
)
def test_escaped_quotes_are_read_where_the_file_has_them(body, found):
    assert texts(parse(f"id,text\n{body}\n")) == found


def test_escaped_quotes_far_behind_the_first_lines_are_read():
    body = "1,plain\n" * 1000 + '2,"so \\"good\\", yes"\n3,last\n'
    assert texts(parse("id,text\n" + body))[-2:] == ['so "good", yes', "last"]


@given(st.lists(st.tuples(cells, cells)))
def test_what_the_csv_module_writes_with_escapes_comes_back(rows):
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\").writerows(
        [("text", "other"), ('a "b" c', ""), *rows]
    )
    assert parse(file.getvalue())[1:] == [{"text": a, "other": b} for a, b in rows]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        pytest.param("好\n坏\n", [{"text": "好"}, {"text": "坏"}], id="one column"),
        pytest.param("1,好\n", [{"column_1": "1", "column_2": "好"}], id="two columns"),
        pytest.param('"two\nlines"\nb\n', [{"text": "two\nlines"}, {"text": "b"}], id="quoted"),
        pytest.param("sep=;\n1;好\n", [{"column_1": "1", "column_2": "好"}], id="sep="),
    ],
)
def test_without_header_the_first_line_is_a_row(data, rows):
    lines = read_lines(io.BytesIO(data.encode()), "utf-8", name="f")
    assert list(DelimitedReader(lines, tabs=False, name="f", header=False)) == rows


def test_line_numbers_count_the_sep_line():
    (broken,) = parse("sep=;\nid;text\n1;a;b\n")
    assert broken.message.startswith("line 3 ")


def test_a_very_wide_header_is_read_at_once():
    (row,) = parse("x," * 50_000 + "text\n" + "," * 50_000 + "good\n")
    assert row["text"] == "good"
