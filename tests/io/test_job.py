"""Whole jobs over the tiny model: any interruption, any output, no row repeated or lost."""

import gzip
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentire.errors import OptionError, OutputError
from sentire.io import recordfile, tables
from sentire.io.checkpoint import checkpoint_path, load_checkpoint, partial_path
from sentire.io.inputs import InputOptions, open_input
from sentire.io.job import ScoringJob
from sentire.io.records import Layout
from sentire.io.sink import open_sink

N_ROWS = 60
KINDS = [
    "out.jsonl",
    "out.csv",
    "out.tsv",
    "out.jsonl.gz",
    "out.csv.zst",
    "out.parquet",
    "out.xlsx",
]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(recordfile, "_BLOCK_ROWS", 7)
    monkeypatch.setattr(tables, "_PART_ROWS", 7)


@pytest.fixture
def given(tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [{"id": n, "text": f"很好 good {n}" if n % 9 else "", "n": n / 2} for n in range(N_ROWS)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines[17] = "{"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def run(tiny_analyzer, given):
    """Run a job into an output; stop it after some answers when asked."""

    def run_job(output, *, stop_after=None, resume=False, force=False, source=given, job=None):
        kind = output.name.split(".")[1]
        with open_input(source, InputOptions(all_columns=kind in {"csv", "tsv"})) as rows:
            sink = open_sink(
                output,
                kind,
                Layout(rows.text_column, rows.columns),
                types=rows.types,
                job=job or rows.identity,
                resume=resume,
                force=force,
            )
            work = ScoringJob(rows, tiny_analyzer.analyze_many, sink)
            answers = work.run()
            try:
                for n, _ in enumerate(answers, 1):
                    if n == stop_after:
                        break
            finally:
                answers.close()
                sink.close()
            return work

    return run_job


def content(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".xlsx":
        calamine = pytest.importorskip("python_calamine")
        rows = calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    if path.suffix in {".gz", ".zst"}:
        codec = {".gz": "gzip", ".zst": "zstd"}[path.suffix]
        with pa.input_stream(str(path), compression=codec) as stream:
            return stream.read()
    return path.read_bytes()


def leftovers(output):
    return sorted(path.name for path in output.parent.glob("out*") if path != output)


@pytest.mark.parametrize("name", KINDS)
def test_n_rows_in_n_records_out_in_order(run, tmp_path, name):
    output = tmp_path / name
    tally = run(output).tally
    assert (tally.rows, tally.errors) == (N_ROWS, {"broken_row": 1, "empty_text": 7})
    assert leftovers(output) == []
    if name in {"out.parquet", "out.xlsx"}:
        rows = content(output)
        gap = None if name == "out.parquet" else ""
        assert [row["id"] for row in rows] == [n if n != 17 else gap for n in range(N_ROWS)]
    else:
        assert content(output).count(b"\n") == N_ROWS + name.startswith(("out.csv", "out.tsv"))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("stop_after", [1, 7, 30, N_ROWS])
def test_a_resumed_output_equals_an_uninterrupted_one(run, tmp_path, name, stop_after):
    whole, output = tmp_path / f"whole{name[3:]}", tmp_path / name
    run(whole)
    run(output, stop_after=stop_after)
    assert not output.exists()
    work = run(output, resume=True)
    assert content(output) == content(whole)
    assert work.tally.rows == N_ROWS
    assert leftovers(output) == []


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_what_was_written_behind_the_checkpoint_is_dropped(run, tmp_path, name):
    whole, output = tmp_path / f"whole{name[3:]}", tmp_path / name
    run(whole)
    run(output, stop_after=20)
    with Path(f"{output}.partial").open("ab") as partial:
        partial.write(b'{"text": "half a rec')
    run(output, resume=True)
    assert whole.read_bytes() == output.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"job": {"model": "another"}}, id="another model"),
        pytest.param({"source": "changed"}, id="another input"),
    ],
)
def test_another_job_is_not_resumed(run, tmp_path, given, change):
    output = tmp_path / "out.jsonl"
    run(output, stop_after=20)
    if change.get("source"):
        given.write_text(given.read_text(encoding="utf-8") + "\n{}\n", encoding="utf-8")
        change = {}
    with pytest.raises(OptionError, match=r"another job: it differs in .*--resume"):
        run(output, resume=True, **change)


def test_rows_that_changed_are_noticed_where_nothing_else_tells(run, tmp_path, given):
    output, job = tmp_path / "out.jsonl", {"input": "stdin"}
    run(output, stop_after=20, job=job)
    kept = Path(f"{output}.partial.json").read_bytes()
    other = tmp_path / "other.jsonl"
    other.write_text(given.read_text(encoding="utf-8").replace("good 3", "bad 3"), encoding="utf-8")
    with pytest.raises(OptionError, match="first 20 rows are not those"):
        run(output, resume=True, source=other, job=job)
    assert Path(f"{output}.partial.json").read_bytes() == kept
    assert run(output, resume=True, job=job).tally.rows == N_ROWS


def test_nothing_to_resume_starts_from_the_beginning(run, tmp_path):
    assert run(tmp_path / "out.jsonl", resume=True).tally.rows == N_ROWS


def test_without_resume_the_leftovers_of_another_format_make_room(run, tmp_path):
    output = tmp_path / "out.parquet"
    run(output, stop_after=20)
    other = tmp_path / "out.parquet.partial"
    assert other.is_dir()
    run(output)
    assert pq.read_metadata(output).num_rows == N_ROWS


def test_a_partial_file_shorter_than_its_checkpoint_is_refused(run, tmp_path):
    output = tmp_path / "out.jsonl"
    run(output, stop_after=20)
    os.truncate(f"{output}.partial", 10)
    with pytest.raises(OutputError, match="shorter than its checkpoint"):
        run(output, resume=True)


def test_an_old_output_stays_until_the_new_one_is_whole(run, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    with pytest.raises(OptionError, match=r"there already.*--force"):
        run(output)
    run(output, stop_after=20, force=True)
    assert output.read_text() == "old"
    run(output, resume=True)
    assert len(output.read_text().splitlines()) == N_ROWS


def test_compressed_output_is_one_stream_for_other_readers(run, tmp_path):
    run(tmp_path / "out.jsonl.gz")
    with gzip.open(tmp_path / "out.jsonl.gz") as stream:
        assert sum(1 for _ in stream) == N_ROWS


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        pytest.param("missing/out.jsonl", "mkdir -p", id="no folder"),
        pytest.param("in.jsonl/out.jsonl", "is a file, not a folder", id="a file for a folder"),
        pytest.param("folder.jsonl", "is a folder", id="a folder for a file"),
        pytest.param("missing/out.parquet", "mkdir -p", id="no folder for Parquet"),
    ],
)
def test_an_output_that_can_not_be_written_says_what_to_do(run, tmp_path, output, reason):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(OutputError, match=reason):
        run(tmp_path / output)


def test_no_permission_says_so(tmp_path, given):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sentire.io.sink import open_sink\n"
        "from sentire.io.records import Layout\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: open_sink(Path(sys.argv[1]), 'jsonl', Layout('text'))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    for parent in [tmp_path, *tmp_path.parents[:2]]:
        parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "out.jsonl")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("OutputError")
    assert "may not write there" in done.stdout


@contextmanager
def small_disk(path, size):
    """A file system of ``size`` bytes."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("name", KINDS)
def test_a_full_disk_loses_nothing(run, tmp_path, name):
    whole = tmp_path / f"whole{name[3:]}"
    run(whole)
    disk = tmp_path / "disk"
    output = disk / name
    size = 1024 if name == "out.xlsx" else 128  # a workbook is first written uncompressed
    with small_disk(disk, size * 1024):
        filler = disk / "filler"
        filler.write_bytes(bytes((size - 8) * 1024))
        try:
            run(output)
        except OutputError as error:
            assert "no space" in str(error)  # noqa: PT017
            assert not output.exists()
        else:
            pytest.fail("the disk was not full")
        filler.unlink()
        run(output, resume=True)
        assert content(output) == content(whole)


def test_a_full_device_ends_with_one_clear_error():
    with pytest.raises(OutputError, match="no space is left"):
        open_sink(Path("/dev/full"), "csv", Layout("text", ("text",)))


def test_a_checkpoint_that_is_no_utf_8_counts_as_none(tmp_path):
    output = tmp_path / "out.csv"
    for path in (checkpoint_path(output), partial_path(output)):
        path.write_bytes(b'{"job": {"input": "\xff"}}')
    assert load_checkpoint(output, {}) is None
