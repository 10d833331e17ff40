"""What a person sees: a table on a terminal, a progress bar for a file."""

import contextlib
import os
import pty
import re
import subprocess
import sys

import pytest
from rich.cells import cell_len

from sentire.cli.tables import aligned


def on_terminal(command, cwd, *, stdout=None, columns=60):
    """Run with a terminal for stderr, and for stdout unless it is given; what appeared on it."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "LINES": "30"}
    with subprocess.Popen(
        command, cwd=cwd, stdin=theirs, stdout=stdout or theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # how a terminal says that everyone left
            while chunk := os.read(ours, 65536):
                seen += chunk
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    return process.returncode, text.replace("\r\n", "\n")


def test_texts_are_a_table(command, tmp_path):
    code, seen = on_terminal(
        [*command, "--sentences", "--emotion", "房间很大，但是服务太差了。", "", "很好" * 200],
        tmp_path,
    )
    assert code == 3
    header, first, *rest = seen.splitlines()
    assert header.split() == ["label", "score", "lang", "emotion", "text"]
    assert first.split()[0] in {"positive", "neutral", "negative"}
    assert first.split()[2] == "zh"
    assert "服务太差了。" in [line for line in rest if line.startswith("·")][1]
    assert "empty_text" in seen
    assert "很好很好" in seen


def test_a_text_can_not_command_the_terminal(command, tmp_path):
    _, seen = on_terminal([*command, "[bold]good[/bold] \x1b]0;title\x07 \x9b31m"], tmp_path)
    assert "[bold]good[/bold]" in seen
    assert not set(seen) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_file_shows_its_progress_and_a_summary(command, tmp_path, kind):
    (tmp_path / "in.txt").write_text("good 很好 " * 3 + "\n" * 30_000, encoding="utf-8")
    code, seen = on_terminal([*command, "-i", "in.txt", "-o", f"out.{kind}"], tmp_path)
    assert code == 3
    assert "rows/s" in seen
    assert "%" in seen
    assert re.search(r"sentire: 30,000 rows in .*29,999 empty_text.* -> out", seen)


def test_nothing_to_analyze_is_said(command, tmp_path):
    code, seen = on_terminal(command, tmp_path)
    assert code == 2
    assert "nothing to analyze" in seen


@pytest.mark.parametrize("columns", [80, 120])
def test_doctor_draws_a_table_as_wide_as_the_terminal(tmp_path, columns):
    command = [sys.executable, "-m", "sentire", "doctor", "--model", "./模型仓库/shop@production"]
    for check in ("python", "registry", "clock"):
        command += ["--only", check]
    code, seen = on_terminal(command, tmp_path, columns=columns)
    assert code == 1
    lines = [line.rstrip() for line in seen.splitlines() if line.strip()]
    lines = lines[next(n for n, line in enumerate(lines) if "found, and what to do" in line) :]
    heading, rule, *rows, count = lines
    assert heading.split(maxsplit=2) == ["check", "status", "found, and what to do"]
    assert set(rule.strip()) == {"─"}
    assert count.endswith(" warnings.")
    assert all(cell_len(line) <= columns for line in lines)
    found = heading.index("found")
    assert all(row[found - 1] == " " and len(row) > found for row in rows)
    assert "-> See the address" in seen


def test_columns_stand_below_each_other_with_chinese_in_them():
    lines = aligned([("data", "n"), ("标注.csv", "7"), ("dev.csv", "1,000")])
    assert lines == ["data          n", "标注.csv      7", "dev.csv   1,000"]
    assert len({cell_len(line) for line in lines}) == 1
