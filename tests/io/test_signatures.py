import gzip
import io
import zipfile

import pytest
from test_excel import OLD, ROWS, ods, workbook

from sentire.errors import InputError
from sentire.io.inputs import InputOptions, open_input


def archive(name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(name, "text\ngood\n")
    return file.getvalue()


WORKBOOK = workbook(One=ROWS)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("in.csv", WORKBOOK, "is an Excel workbook.*--input-format excel", id="xlsx"),
        pytest.param("in.txt", ods(["text"]), "is an Excel workbook", id="ods"),
        pytest.param("in.csv", OLD.read_bytes(), "old Excel workbook", id="xls"),
        pytest.param("in.csv.gz", gzip.compress(WORKBOOK), "is an Excel workbook", id="gz inside"),
        pytest.param("in.parquet", WORKBOOK, "is an Excel workbook", id="xlsx as Parquet"),
        pytest.param("in.csv", archive("in.csv"), "ZIP archive.*Unpack", id="zip"),
        pytest.param("in.jsonl", b"PAR1\x15\x04" + b"x" * 99, "--input-format parquet", id="pq"),
        pytest.param("in.xlsx", b"PAR1\x15\x04" + b"x" * 99, "--input-format parquet", id="xl"),
        pytest.param("in.csv", b"BZh91AY&SY\x00\x01", "bzip2", id="bz2"),
        pytest.param("in.csv", b"\xfd7zXZ\x00\x00\x04", "compressed with xz", id="xz"),
        pytest.param("in.txt", b"%PDF-1.7\n", "PDF", id="pdf"),
        pytest.param("in.csv", b"SQLite format 3\x00", "sqlite:///FILE", id="sqlite"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(read, name, data, reason):
    with pytest.raises(InputError, match=reason):
        read(name, data)


def test_the_format_can_be_named_where_the_name_is_wrong(tmp_path):
    path = tmp_path / "in.csv"
    path.write_bytes(WORKBOOK)
    with open_input(path, InputOptions(format="excel")) as source:
        assert [row.text for row in source] == ["good", "很好"]


@pytest.mark.parametrize("text", ["ORCs are fun", "PAR1 is short", "BZh, what?", "PK is a name"])
def test_texts_that_begin_like_a_signature_are_texts(read, outcome, text):
    assert outcome(read("in.txt", text.encode())) == [text]
