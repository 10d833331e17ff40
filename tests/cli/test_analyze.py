"""``sentire analyze`` from the words of the command line to records and exit codes."""

import csv
import io
import json
import sqlite3
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from sentire.io.checkpoint import JobCheckpoint, Tally, save_checkpoint
from sentire.io.inputs import open_input

MIXED = b"""{"id": 1, "text": "I love this"}
{"id": 2, "text": ""}
{"id": 3, "text": "\xff\xfe"}
{"id": 4, "text": "\xf0\x9f\x98\x80"}
{"id": 5, "text": "\xe5\xa4\xaa\xe5\xb7\xae\xe4\xba\x86"}
{"id": 5, "text": "\xe5\xa4\xaa\xe5\xb7\xae\xe4\xba\x86"}
"""


def test_texts_as_arguments(analyze, records):
    done = analyze("I love this", "太差了")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [record["text"] for record in records(done.stdout)] == ["I love this", "太差了"]


def test_an_argument_that_is_not_utf8_keeps_its_place(analyze, records):
    done = analyze(b"\xff\xfe", "fine")
    assert done.returncode == 3
    assert records(done.stdout)[0]["error"]["code"] == "broken_row"
    assert records(done.stdout)[1]["text"] == "fine"


@pytest.mark.parametrize("words", [[], ["-"], ["-i", "-"]])
def test_piped_text_is_one_text_a_line(analyze, records, words):
    done = analyze(*words, given="good\n\n太差了".encode())
    assert done.returncode == 3
    texts = [record["text"] for record in records(done.stdout)]
    assert texts == ["good", "", "太差了"]


def test_sentences_emotion_and_on_long(analyze, records):
    done = analyze("房间很大，但是服务太差了。", "--sentences", "--emotion")
    (record,) = records(done.stdout)
    assert len(record["sentences"]) == 2
    assert record["emotion"]["label"]
    done = analyze("很好" * 500, "--on-long", "error")
    assert records(done.stdout)[0]["error"]["code"] == "text_too_long"
    done = analyze("很好" * 500, "--on-long", "truncate")
    assert records(done.stdout)[0]["coverage"]["truncated"]


def test_n_rows_in_n_records_out(analyze, records, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(MIXED)
    done = analyze("-i", "in.jsonl", "-o", "out.jsonl")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"6 rows" in done.stderr
    assert b"1 broken_row, 1 empty_text" in done.stderr
    out = records((tmp_path / "out.jsonl").read_bytes())
    assert len(out) == 6
    assert out[0]["input"] == {"id": 1}
    assert [record.get("error", {}).get("code") for record in out[:3]] == [
        None,
        "empty_text",
        "broken_row",
    ]
    assert out[4] == out[5]


def test_a_data_file_as_the_only_argument_is_read(analyze, records, tmp_path):
    (tmp_path / "reviews.csv").write_text("id,text\n1,good\n")
    done = analyze("reviews.csv")
    assert records(done.stdout)[0]["text"] == "good"
    assert analyze("missing.csv").returncode == 2


def test_csv_to_csv_keeps_columns_and_is_safe(analyze, tmp_path):
    (tmp_path / "in.csv").write_text("id,评论,label\n007,好,=1+1\n", encoding="gb18030")
    done = analyze("-i", "in.csv", "-o", "out.csv", "--emotion")
    assert done.returncode == 0
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf"), "it came from a spreadsheet and goes back to one"
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert (row["id"], row["评论"], row["input_label"]) == ("007", "好", "'=1+1")
    assert row["label"] in {"negative", "neutral", "positive"}
    assert row["emotion"]


def test_parquet_to_parquet_keeps_types(analyze, tmp_path):
    given = pa.table({"id": pa.array([1, 2], pa.int16()), "text": ["good", None]})
    pq.write_table(given, tmp_path / "in.parquet")
    done = analyze("-i", "in.parquet", "-o", "out.parquet", "--sentences")
    assert done.returncode == 3
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.field("id").type == pa.int16()
    assert table.column("error").to_pylist() == [None, "not_text"]
    assert json.loads(table.column("sentences")[0].as_py())[0]["label"]


@pytest.mark.parametrize("extension", [".gz", ".zst"])
def test_compressed_in_compressed_out(analyze, tmp_path, extension):
    codec = {".gz": "gzip", ".zst": "zstd"}[extension]
    with pa.output_stream(str(tmp_path / f"in.txt{extension}"), compression=codec) as stream:
        stream.write(b"good\nbad\n")
    assert analyze("-i", f"in.txt{extension}", "-o", f"out.jsonl{extension}").returncode == 0
    with pa.input_stream(str(tmp_path / f"out.jsonl{extension}"), compression=codec) as stream:
        assert stream.read().count(b"\n") == 2


def test_a_database_by_url(analyze, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE r AS SELECT 1 AS id, '很好' AS text, 1.5 AS stars")
    database.close()
    done = analyze("-i", "sqlite:///shop.db", "--query", "SELECT * FROM r", "-o", "out.parquet")
    assert done.returncode == 0, done.stderr
    (row,) = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert (row["id"], row["text"], row["stars"]) == (1, "很好", 1.5)


def test_json_lines_from_a_pipe_to_a_table_knows_all_columns(analyze):
    rows = [b'{"text": "good"}'] * 300 + [b'{"text": "late", "extra": 7}']
    done = analyze("--input-format", "jsonl", "--format", "csv", given=b"\n".join(rows))
    found = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert len(found) == 301
    assert found[-1]["extra"] == "7"


@pytest.mark.parametrize(
    ("words", "given", "code", "line"),
    [
        pytest.param(["-i", "no.csv"], b"", 2, b"no such file", id="a missing file"),
        pytest.param(["-i", "."], b"", 2, b"is a folder", id="a folder"),
        pytest.param(
            ["-i", "two.csv", "--text-column", "x"], b"", 2, b"It has: title, remark", id="column"
        ),
        pytest.param(["-i", "two.csv"], b"", 2, b"--text-column", id="no obvious column"),
        pytest.param(["-i", "french.txt"], b"", 2, b"--encoding", id="an unreadable encoding"),
        pytest.param(["-i", "quote.csv"], b"", 2, b"never closed", id="a broken header"),
        pytest.param(
            ["a", "--model", "two.csv"], b"", 1, b"two.csv", id="a model path that is no bundle"
        ),
        pytest.param(["a", "--model", "nothing"], b"", 1, b"nothing", id="a model that is none"),
        pytest.param(["a", "-o", "no/out.jsonl"], b"", 1, b"mkdir -p", id="no output folder"),
        pytest.param(["a", "-o", "out.docx"], b"", 2, b".csv .tsv", id="an unknown output"),
        pytest.param(["a", "-o", "o.jsonl", "--no-bom"], b"", 2, b"CSV and TSV", id="no mark"),
        pytest.param(["a", "--format", "xlsx"], b"", 2, b"-o", id="Excel to a pipe"),
        pytest.param(["a", "--format", "parquet"], b"", 2, b"-o", id="Parquet to a pipe"),
        pytest.param(["a", "--resume"], b"", 2, b"--resume goes with -i", id="texts don't resume"),
        pytest.param(["--resume"], b"a", 2, b"name it with -o", id="a pipe does not resume"),
        pytest.param([], b'{"text": "a"}\n', 2, b"--input-format jsonl", id="unnamed JSON"),
        pytest.param(["-i", "x://y"], b"", 2, b"--query", id="a URL without a query"),
        pytest.param(["-o", "/dev/full"], b"good", 1, b"no space is left", id="a full disk"),
    ],
)
def test_bad_input_ends_with_one_clear_line(*, analyze, tmp_path, words, given, code, line):
    (tmp_path / "two.csv").write_text("title,remark\na,b\n")
    (tmp_path / "french.txt").write_bytes("Très bien, c'était parfait\n".encode("cp1252") * 9)
    (tmp_path / "quote.csv").write_text('id,"text\n1,a\n')
    before = sorted(tmp_path.iterdir())
    done = analyze(*words, given=given)
    assert done.returncode == code
    assert line in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before, "nothing half-written is left"


def test_a_model_without_emotion_says_so_before_it_writes(analyze, tmp_path):
    from tiny import make_bundle

    make_bundle(tmp_path / "plain", emotion=False)
    done = analyze("a", "--emotion", "--model", "plain", "-o", "out.jsonl")
    assert done.returncode == 2
    assert b"no emotion output" in done.stderr
    assert not list(tmp_path.glob("out*"))


def test_a_reader_that_has_enough_is_no_error(command, tmp_path):
    (tmp_path / "in.txt").write_text("good\n" * 20_000)
    with subprocess.Popen(
        [*command, "-i", "in.txt"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_nothing_to_resume_is_said(analyze, tmp_path):
    (tmp_path / "in.txt").write_text("good\n")
    done = analyze("-i", "in.txt", "-o", "out.jsonl", "--resume")
    assert done.returncode == 0
    assert b"nothing to resume for out.jsonl; starting from the beginning" in done.stderr


def test_an_input_without_rows_is_scored_at_once(analyze, tmp_path):
    (tmp_path / "in.csv").write_text("text\n")
    assert analyze("-i", "in.csv", "-o", "out.csv").returncode == 0
    assert (tmp_path / "out.csv").read_text().startswith("text,label,score")


def test_starting_over_is_said(analyze, tmp_path):
    (tmp_path / "in.txt").write_text("good\n")
    (tmp_path / "out.jsonl.partial").write_bytes(b"left behind")
    (tmp_path / "out.jsonl.partial.json").write_bytes(b"{}")
    done = analyze("-i", "in.txt", "-o", "out.jsonl")
    assert b"starting from the beginning" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.jsonl"]


def test_an_excel_workbook_is_read_and_the_sheet_said(analyze, records, tmp_path):
    with xlsxwriter.Workbook(tmp_path / "r.xlsx") as book:
        for name, text in (("One", "good"), ("Two", "太差了")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["id", "text"])
            sheet.write_row(1, 0, [7, text])
    done = analyze("r.xlsx")
    (record,) = records(done.stdout)
    assert (record["text"], record["input"]) == ("good", {"id": 7})
    assert "sheet 'One' is read, of 'One', 'Two'" in done.stderr.decode()
    done = analyze("-i", "r.xlsx", "--sheet", "Two", "-o", "out.parquet")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(tmp_path / "out.parquet").column("id").to_pylist() == [7]


def test_a_nested_text_stands_in_tables_too(analyze, tmp_path):
    (tmp_path / "in.json").write_text('[{"data": {"text": "good"}}, {"data": {}}]')
    done = analyze("-i", "in.json", "--text-column", "data.text", "-o", "out.csv")
    assert done.returncode == 3
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["data.text"] for row in rows] == ["good", ""]
    assert rows[0]["data"] == '{"text":"good"}'


def test_a_first_line_taken_for_names_is_said_and_can_be_kept(analyze, records, tmp_path):
    (tmp_path / "in.csv").write_text("太差了\n很好\n")
    done = analyze("in.csv")
    assert [record["text"] for record in records(done.stdout)] == ["很好"]
    assert b"--no-header" in done.stderr
    done = analyze("in.csv", "--no-header")
    assert [record["text"] for record in records(done.stdout)] == ["太差了", "很好"]
    assert b"--no-header" not in done.stderr


def test_missing_values_are_errors_in_their_place_or_kept(analyze, records, tmp_path):
    (tmp_path / "in.csv").write_text("id,text\n1,NaN\n2,good\n")
    done = analyze("in.csv")
    assert done.returncode == 3
    assert records(done.stdout)[0]["error"]["code"] == "not_text"
    done = analyze("in.csv", "--keep-na")
    assert records(done.stdout)[0]["text"] == "NaN"


@pytest.mark.parametrize("option", [["--no-header"], ["--keep-na"], ["--encoding", "latin-1"]])
def test_a_job_is_not_resumed_with_an_option_that_changes_its_rows(analyze, tmp_path, option):
    (tmp_path / "in.csv").write_text("text\ngood\nfine\n")
    words = ["-i", "in.csv", "-o", "out.jsonl"]
    with open_input(tmp_path / "in.csv") as source:
        job = {**source.identity, "text column": "text"}
    checkpoint = JobCheckpoint(job=job, tally=Tally(rows=1), digest="", position=0)
    (tmp_path / "out.jsonl.partial").write_bytes(b"")
    save_checkpoint(tmp_path / "out.jsonl", checkpoint)
    done = analyze(*words, *option, "--resume")
    assert done.returncode == 2
    assert b"belongs to another job" in done.stderr
    assert option[0].lstrip("-") in done.stderr.decode().partition("differs in")[2]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(
            ["a.csv", "b.csv"], 'for f in a.csv b.csv; do sentire analyze -i "$f"', id="2"
        ),
        pytest.param(["a.csv", "very good"], "a.csv: these are files", id="a file and a text"),
        pytest.param(["no.csv", "none.xlsx"], "these are files", id="names of files"),
        pytest.param(["notes"], "--input-format lines", id="a file without extension"),
        pytest.param(["none.xlsx"], "no such file", id="one that is missing"),
        pytest.param(["https://host/r.csv"], "curl", id="a web address"),
        pytest.param(["https://host/"], "curl", id="a web page"),
        pytest.param(["-i", "https://host/r"], "curl", id="a web address as input"),
        pytest.param(["renamed.csv"], "is an Excel workbook", id="a renamed workbook"),
        pytest.param(["good", "--no-header"], "goes with -i", id="an option of files"),
        pytest.param(["notes", "--sheet", "1", "--input-format", "lines"], "Excel", id="sheet"),
    ],
)
def test_what_is_no_text_is_not_scored_as_one(analyze, tmp_path, words, line):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("text\ngood\n")
    (tmp_path / "notes").write_text("good\n")
    with xlsxwriter.Workbook(tmp_path / "r.xlsx") as book:
        book.add_worksheet().write(0, 0, "text")
    (tmp_path / "r.xlsx").rename(tmp_path / "renamed.csv")
    done = analyze(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert line in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_file_whose_name_has_blanks_and_one_with_a_format_are_read(analyze, records, tmp_path):
    (tmp_path / "my notes.txt").write_text("good\n")
    (tmp_path / "notes").write_text("fine\n")
    assert records(analyze("my notes.txt").stdout)[0]["text"] == "good"
    assert records(analyze("notes", "--input-format", "lines").stdout)[0]["text"] == "fine"
    assert records(analyze("a" * 5000, "good").stdout)[1]["text"] == "good"


@pytest.mark.parametrize("spelling", ["in.csv", "./in.csv", "link.csv", "hard.csv"])
@pytest.mark.parametrize("more", [[], ["--force"], ["--resume"]])
def test_the_source_is_never_replaced(analyze, tmp_path, spelling, more):
    given = tmp_path / "in.csv"
    given.write_text("text\ngood\n")
    (tmp_path / "link.csv").symlink_to(given)
    (tmp_path / "hard.csv").hardlink_to(given)
    done = analyze("-i", "in.csv", "-o", spelling, *more)
    assert done.returncode == 2
    assert f"{Path(spelling)} would replace in.csv, which is read" in done.stderr.decode()
    assert given.read_text() == "text\ngood\n"


def test_a_redirection_into_the_source_is_refused(command, tmp_path):
    given = tmp_path / "in.txt"
    given.write_text("good\n")
    onto = ["-o", "in.txt", "--force", "--format", "jsonl"]
    for words, ends in ((["-i", "in.txt"], ">>in.txt"), (onto, "<in.txt")):
        script = f'"$@" {ends}'
        done = subprocess.run(
            ["bash", "-c", script, "-", *command, *words],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert b"would replace" in done.stderr
        assert given.read_text() == "good\n"


def test_an_output_that_is_there_is_replaced_only_when_asked(analyze, tmp_path):
    (tmp_path / "in.txt").write_text("good\n")
    (tmp_path / "out.jsonl").write_text("something else")
    for words in (["-i", "in.txt"], ["a text"]):
        done = analyze(*words, "-o", "out.jsonl")
        assert done.returncode == 2
        assert b"out.jsonl is there already" in done.stderr
        assert b"--force" in done.stderr
        assert (tmp_path / "out.jsonl").read_text() == "something else"
    assert analyze("-i", "in.txt", "-o", "out.jsonl", "--force").returncode == 0
    assert b'"good"' in (tmp_path / "out.jsonl").read_bytes()
    assert analyze("--force", given=b"a").returncode == 2


def test_resuming_what_is_done_does_nothing(analyze, tmp_path):
    (tmp_path / "in.txt").write_text("good\n\n")
    assert analyze("-i", "in.txt", "-o", "out.jsonl", "--resume").returncode == 3
    before = (tmp_path / "out.jsonl").stat()
    done = analyze("-i", "in.txt", "-o", "out.jsonl", "--resume")
    assert done.returncode == 0
    assert b"out.jsonl is done: nothing is left to resume" in done.stderr
    assert (tmp_path / "out.jsonl").stat().st_mtime_ns == before.st_mtime_ns
    assert analyze("-i", "in.txt", "-o", "out.jsonl", "--resume", "--force").returncode == 3


def test_chinese_csv_opens_in_excel_and_pipes_stay_plain(analyze, tmp_path):
    mark = b"\xef\xbb\xbf"
    assert analyze("太差了", "-o", "out.csv").returncode == 0
    assert (tmp_path / "out.csv").read_bytes().startswith(mark + b"text,label")
    assert analyze("good", "-o", "ascii.csv").returncode == 0
    assert (tmp_path / "ascii.csv").read_bytes().startswith(b"text,label")
    assert analyze("太差了", "-o", "out.tsv", "--no-bom").returncode == 0
    assert (tmp_path / "out.tsv").read_bytes().startswith(b"text\tlabel")
    assert analyze("太差了", "--format", "csv").stdout.startswith(b"text,label")


def test_csv_to_excel(analyze, tmp_path):
    calamine = pytest.importorskip("python_calamine")
    (tmp_path / "in.csv").write_text("id,text,postcode\n1,=1+1 很好,010000\n2,,200000\n")
    done = analyze("-i", "in.csv", "-o", "out.xlsx")
    assert done.returncode == 3, done.stderr
    header, *rows = calamine.load_workbook(tmp_path / "out.xlsx").get_sheet_by_index(0).to_python()
    first, second = (dict(zip(header, row, strict=True)) for row in rows)
    assert (first["id"], first["text"], first["postcode"]) == (1, "=1+1 很好", "010000")
    assert first["label"] in {"negative", "neutral", "positive"}
    assert isinstance(first["score"], float)
    assert second["error"] == "empty_text"
    assert second["error_message"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.xlsx"]
