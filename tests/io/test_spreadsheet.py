"""Excel files, read back by another library."""

import datetime
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentire.errors import OptionError, OutputError
from sentire.io import spreadsheet
from sentire.io.records import Layout
from sentire.io.sink import open_sink
from sentire.io.spreadsheet import write_workbook

calamine = pytest.importorskip("python_calamine")


def written(path, columns):
    """Notes of the writer, and all sheets as lists of rows."""
    table = pa.table(columns)
    notes = write_workbook(path, table.schema, iter([table.slice(0, 2), table.slice(2)]))
    read = calamine.CalamineWorkbook.from_path(str(path))
    return notes, [read.get_sheet_by_name(name).to_python() for name in read.sheet_names]


def test_values_keep_what_they_are(tmp_path):
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5)
    notes, (rows,) = written(
        tmp_path / "out.xlsx",
        {
            "text": ["好", "=1+1", "http://a.b", "007"],
            "whole": [1, None, -3, 10**16],
            "share": [0.5, -0.5, None, float("inf")],
            "truth": [True, False, None, True],
            "day": [moment.date(), None, datetime.date(1850, 1, 2), moment.date()],
            "at": pa.array([moment, None, moment, moment.replace(microsecond=1)]),
            "list": [["a"], [], None, ["b"]],
        },
    )
    assert notes == ()
    assert rows[0] == ["text", "whole", "share", "truth", "day", "at", "list"]
    assert rows[1] == ["好", 1, 0.5, True, moment.date(), moment, '["a"]']
    assert rows[2] == ["=1+1", "", -0.5, False, "", "", "[]"]
    assert rows[3] == ["http://a.b", -3, "", "", "1850-01-02", moment, ""]
    assert rows[4][:3] == ["007", str(10**16), "inf"]
    assert rows[4][5] == "2024-01-02T03:04:05.000001"


def test_no_cell_is_a_formula_or_a_link(tmp_path):
    texts = ["=1+1", "+1", "-x", "@a", "{=1}", "http://a.b", "mailto:a@b", "internal:A1", "\t=1"]
    written(tmp_path / "out.xlsx", {"=text": texts})
    with zipfile.ZipFile(tmp_path / "out.xlsx") as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
        assert not [name for name in file.namelist() if "rels" in name and "sheet" in name]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_rows_go_on_in_further_sheets(tmp_path, monkeypatch):
    monkeypatch.setattr(spreadsheet, "_ROWS", 2)
    notes, sheets = written(tmp_path / "out.xlsx", {"n": [1, 2, 3, 4, 5]})
    assert sheets == [[["n"], [1], [2]], [["n"], [3], [4]], [["n"], [5]]]
    assert notes == ("3 sheets, for one holds 2 rows under its header",)


def test_a_cell_that_is_too_long_is_cut_and_said(tmp_path):
    notes, (rows,) = written(tmp_path / "out.xlsx", {"text": ["a" * 40_000, "😀" * 20_000, "b"]})
    assert rows[1:] == [["a" * 32_767], ["😀" * 16_383], ["b"]]
    assert notes[0].startswith("2 cells are cut after 32,767 characters")
    assert ".parquet" in notes[0]


def test_a_table_too_wide_is_refused_before_it_is_scored(tmp_path):
    names = tuple(f"c{n}" for n in range(16_384))
    with pytest.raises(OutputError, match=r"16,384 columns.*\.csv"):
        open_sink(tmp_path / "out.xlsx", "xlsx", Layout("c0", names))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("out.xlsx.gz", "compressed inside", id="compressed"),
        pytest.param(None, "can't be written to a pipe", id="a pipe"),
    ],
)
def test_excel_needs_a_file_of_its_own(tmp_path, name, reason):
    with pytest.raises(OptionError, match=reason):
        open_sink(None if name is None else tmp_path / name, "xlsx", Layout("text"))


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_comes_back(texts):
    # A blank row at an end is no row for the reader.
    table = pa.table({"n": list(range(len(texts))), "text": texts})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.xlsx"
        write_workbook(path, table.schema, iter([table]))
        rows = calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert [row[1] for row in rows[1:]] == texts
