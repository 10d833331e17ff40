"""What a person sees: a table on a terminal, a progress bar for a file."""

import contextlib
import os
import pty
import re
import subprocess

import pytest


def on_terminal(command, cwd, *, stdout=None):
    """Run with a terminal for stderr, and for stdout unless it is given; what appeared on it."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60", "LINES": "30"}
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
    assert "服务太差了。" in rest[1]
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
