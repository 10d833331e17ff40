import gzip
import os
import threading

import pyarrow as pa
import pytest

from sentire.errors import InputError, OptionError, SourceError
from sentire.io.inputs import InputOptions, open_input


def zstd(data):
    target = pa.BufferOutputStream()
    with pa.CompressedOutputStream(target, "zstd") as stream:
        stream.write(data)
    return target.getvalue().to_pybytes()


FORMATS = {
    "in.csv": "id,text\n1,good\n2,好\n",
    "IN.TSV": "id\ttext\n1\tgood\n2\t好\n",
    "in.ndjson": '{"text": "good"}\n{"text": "好"}\n',
    "in.txt": "good\r\n好",
}
WRAPPINGS = {
    "as it is": ("", bytes),
    "gzip": (".gz", gzip.compress),
    "zstd": (".zst", zstd),
    "two gzip members": (".gz", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_every_text_format_in_every_wrapping(name, wrapping, encoding, read, outcome):
    extension, compress = WRAPPINGS[wrapping]
    data = compress(FORMATS[name].encode(encoding))
    assert outcome(read(name + extension, data)) == ["good", "好"]


def test_compression_is_told_by_the_bytes_not_by_the_name(read, outcome):
    assert outcome(read("in.txt", gzip.compress(b"good\n"))) == ["good"]
    assert outcome(read("in.txt.gz", b"good\n")) == ["good"]


def test_a_column_can_be_named(read, outcome):
    data = b"title,body\na,b\n"
    assert outcome(read("in.csv", data, text_column="title")) == ["a"]
    with pytest.raises(SourceError, match="title, body"):
        read("in.csv", data, text_column="txt")


def test_a_format_and_an_encoding_can_be_named(read, outcome):
    data = "text\nとても良い\n".encode("shift_jis")
    assert outcome(read("in.dat", data, format="csv", encoding="sjis")) == ["とても良い"]


@pytest.mark.parametrize(
    ("name", "data", "wanted", "reason"),
    [
        pytest.param("in.xlsx", b"PK", {}, "--input-format", id="an unknown extension"),
        pytest.param("in.txt", b"a", {"text_column": "x"}, "plain lines", id="lines: no columns"),
        pytest.param("in.csv", b"text\n", {"query": "select"}, "database", id="a file: no query"),
        pytest.param("in.csv", b"text\n", {"encoding": "hex"}, "no text encoding", id="encoding"),
        pytest.param("in.parquet", b"PAR1", {}, "no whole Parquet file", id="cut Parquet"),
    ],
)
def test_what_can_not_be_read_is_said_at_once(read, name, data, wanted, reason):
    with pytest.raises(InputError, match=reason):
        read(name, data, **wanted)


@pytest.mark.parametrize("extension", [".gz", ".zst"])
def test_a_cut_compressed_file_gives_its_rows_and_then_an_error(read, tmp_path, extension):
    compress = gzip.compress if extension == ".gz" else zstd
    path = tmp_path / f"in.txt{extension}"
    path.write_bytes(compress(os.urandom(300_000).hex().encode())[:-100])
    with (
        pytest.raises(SourceError, match="cut short"),
        open_input(path, InputOptions(encoding="utf-8")) as source,
    ):
        list(source)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda path: None, "no such file", id="missing"),
        pytest.param(lambda path: path.mkdir(), "is a folder", id="a folder"),
    ],
)
def test_a_path_that_is_no_file(tmp_path, make, reason):
    path = tmp_path / "in.csv"
    make(path)
    with pytest.raises(SourceError, match=reason):
        open_input(path)


def test_a_pipe_is_read_as_it_comes(tmp_path):
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b'{"text": "good"}\n' * 500,))
    writer.start()
    with open_input(path) as source:
        assert source.fraction_read() is None
        assert len(list(source)) == 500
    writer.join()


def test_all_columns_of_json_lines_are_known_when_asked_for(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a"}\n' * 300 + '{"text": "b", "late": 1}\n')
    with open_input(path, InputOptions(all_columns=True)) as source:
        assert source.columns == ("text", "late")
        assert len(list(source)) == 301


def test_the_fraction_read_grows_to_one(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("good\n" * 600_000)
    with open_input(path) as source:
        seen = [source.fraction_read() for row in source if row.number % 100_000 == 0]
    assert seen == sorted(seen)
    assert seen[0] < 0.5
    assert seen[-1] == 1


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.txt"])
def test_an_input_without_rows_gives_none(read, name):
    assert read(name, b"text\n" if name == "in.csv" else b"") == []


def test_a_changed_file_has_another_identity(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("a\n")
    with open_input(path) as source:
        before = source.identity
    path.write_text("ab\n")
    with open_input(path) as source:
        assert source.identity != before


@pytest.mark.parametrize("wanted", [{}, {"query": "SELECT 1"}])
def test_a_web_address_is_not_taken_for_a_database(wanted):
    with pytest.raises(SourceError, match=r"curl -LsSf URL \| sentire analyze"):
        open_input("https://host/in.csv", InputOptions(**wanted))


def test_a_query_needs_a_database():
    with pytest.raises(OptionError, match="--query is needed"):
        open_input("sqlite:///shop.db")
