import datetime
import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from sentire.errors import InputError, SourceError
from sentire.io import excel
from sentire.io.inputs import InputOptions, open_input

OLD = Path(__file__).with_name("old.xls")
ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"


def workbook(**sheets):
    """Bytes of an .xlsx; each sheet is a list of rows, ``!`` before a cell makes it an error."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, str) and cell.startswith("!"):
                        sheet.write_formula(at, column, "=1/0", None, cell[1:])
                    else:
                        sheet.write(at, column, cell)
    return file.getvalue()


def ods(*rows):
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>'
            for c in row
        )
        + "</table:table-row>"
        for row in rows
    )
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="One">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", ODS_TYPE)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    return file.getvalue()


ROWS = [["id", "text"], [1, "good"], [2, "很好"]]


def test_numbers_stay_numbers_and_dates_become_iso_8601(read):
    day = datetime.datetime(2024, 5, 6, 7, 8, 9)
    data = workbook(One=[["id", "stars", "text", "when"], [7, 4.5, "好", day]])
    (row,) = read("in.xlsx", data, text_column="text")
    assert row.fields == {"id": 7, "stars": 4.5, "text": "好", "when": "2024-05-06T07:08:09"}
    assert isinstance(row.fields["id"], int)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("in.xlsx", workbook(One=ROWS), id="xlsx"),
        pytest.param("in.XLSX.gz", gzip.compress(workbook(One=ROWS)), id="compressed"),
        pytest.param("in.ods", ods(["id", "text"], ["a1", "good"], ["2", "很好"]), id="ods"),
    ],
)
def test_every_kind_of_workbook_is_read(read, outcome, name, data):
    assert outcome(read(name, data)) == ["good", "很好"]


def test_a_workbook_of_the_old_kind_is_read(read, outcome):
    rows = read("in.xls", OLD.read_bytes())
    assert outcome(rows) == ["很好", "bad"]
    assert rows[0].fields == {"id": 1, "text": "很好", "when": "2024-05-06"}


def test_empty_cells_and_errors_are_missing_and_blank_rows_are_none(read, outcome):
    rows = read(
        "in.xlsx",
        workbook(One=[[], ["id", "text"], [1, "!#REF!"], [], [2, ""], [3, "N/A"], ["!#N/A", "ok"]]),
    )
    assert outcome(rows) == ["not_text", "not_text", "not_text", "ok"]
    assert all(row.missing for row in rows[:3])
    assert rows[3].fields == {"id": None, "text": "ok"}


def test_a_row_wider_than_the_header_breaks(read):
    (row,) = read("in.xlsx", workbook(One=[["id", "text"], [1, "good", None, "aside"]]))
    assert "4 columns where the header has 2" in row.error.message


def test_the_sheet_is_the_first_or_the_one_that_is_named(tmp_path):
    path = tmp_path / "in.xlsx"
    path.write_bytes(workbook(One=ROWS, Two=[["text"], ["second"]]))
    with open_input(path) as source:
        assert [row.text for row in source] == ["good", "很好"]
        assert "'One' is read, of 'One', 'Two'" in source.notes[0]
        first = source.identity
    for asked in ("Two", "2"):
        with open_input(path, InputOptions(sheet=asked)) as source:
            assert [row.text for row in source] == ["second"]
            assert source.notes == ()
            assert source.identity != first, "a resumed job would go on in another sheet"


def test_a_sheet_without_header_is_read_from_its_first_row(read, outcome):
    data = workbook(One=[["好"], ["bad"]])
    assert outcome(read("in.xlsx", data, header=False)) == ["好", "bad"]
    rows = read("in.xlsx", workbook(One=[[1, "好"]]), header=False)
    assert rows[0].fields == {"column_1": 1, "column_2": "好"}


@pytest.mark.parametrize(
    ("name", "data", "wanted", "reason"),
    [
        pytest.param("a.xlsx", workbook(A=ROWS, B=[]), {"sheet": "C"}, "has: 'A', 'B'", id="name"),
        pytest.param("a.xlsx", workbook(A=ROWS), {"sheet": "2"}, "has no sheet '2'", id="number"),
        pytest.param("a.xlsx", workbook(A=[]), {}, "sheet 'A' is empty", id="an empty sheet"),
        pytest.param("a.xlsx", workbook(A=ROWS)[:900], {}, "no workbook that can", id="cut"),
        pytest.param("a.xlsx", b"id,text\n1,a\n", {}, "--input-format csv", id="CSV in disguise"),
        pytest.param("a.xls", b"<html><table>", {}, "web page", id="HTML, as some export it"),
        pytest.param("a.csv", b"text\n", {"sheet": "1"}, "Excel", id="a CSV has no sheets"),
        pytest.param("a.xlsx", workbook(A=ROWS), {"encoding": "gbk"}, "text files", id="encoding"),
    ],
)
def test_what_can_not_be_read_is_said(read, name, data, wanted, reason):
    with pytest.raises(InputError, match=reason):
        read(name, data, **wanted)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing bounds a process's memory there")
def test_a_small_file_that_asks_for_all_memory_is_refused(tmp_path):
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "text")
        sheet.write(1_048_575, 16_383, "x")
    assert path.stat().st_size < 20_000
    with pytest.raises(SourceError, match=r"MiB of memory.*far larger than it looks"):
        open_input(path)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing bounds a process's memory there")
def test_a_bomb_of_zeros_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "_MEMORY", 300 << 20)
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(io.BytesIO(workbook(One=ROWS))) as good,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for part in good.namelist():
            data = good.read(part)
            if part == "xl/sharedStrings.xml":
                data = data.replace(b"good", b"o" * (400 << 20))
            bomb.writestr(part, data)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(SourceError, match=r"Save the sheet as \.csv"):
        open_input(path)


def test_the_process_that_reads_ends_with_the_source(tmp_path):
    path = tmp_path / "in.xlsx"
    path.write_bytes(workbook(One=[["text"], *(["good"] for _ in range(20_000))]))
    with open_input(path) as source:
        next(iter(source))
        assert 0 <= source.fraction_read() < 1
        process = source._reader._process
    assert process.poll() is not None


def test_a_module_in_the_current_folder_is_not_run(tmp_path):
    (tmp_path / "python_calamine.py").write_text("raise SystemExit('run')")
    (tmp_path / "in.xlsx").write_bytes(workbook(One=ROWS))
    code = "from sentire.io.inputs import open_input as o; print(len(list(o('in.xlsx'))))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path, capture_output=True, check=False, env=os.environ,
    )  # fmt: skip
    assert done.stdout == b"2\n", done.stderr
