"""Ctrl-C, SIGTERM and kill -9 in the middle of a job, then ``--resume``."""

import fcntl
import itertools
import signal
import subprocess
import termios
import time
from array import array
from pathlib import Path

import pytest

from processes import start
from sentire.cli.interrupts import Interrupts, Stopped

N_ROWS = 30_000


@pytest.fixture(scope="module")
def job(command, tmp_path_factory):
    """An input, and the answers of a run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("job")
    lines = (
        f'{{"id": {n}, "text": "{"很好" * (n % 9)}{"good " * (n % 5)}"}}' for n in range(N_ROWS)
    )
    (folder / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(scoring(command, folder / "whole.jsonl"), cwd=folder, check=False)
    assert done.returncode == 3
    return folder


def scoring(command, output, *more):
    return [*command, "-i", "in.jsonl", "-o", str(output), *more]


def stop_in_the_middle(command, folder, output, number, *more):
    """Start a job and send a signal once some of it is on disk; its exit code and last command."""
    checkpoint = Path(f"{output}.partial.json")
    before = checkpoint.read_bytes() if checkpoint.exists() else b""
    with start(scoring(command, output, *more), cwd=folder, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not (
            checkpoint.exists() and checkpoint.read_bytes() != before
        ):
            time.sleep(0.002)
        process.send_signal(number)
        said = process.stderr.read().decode()
    return process.returncode, said


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
        pytest.param(signal.SIGKILL, -signal.SIGKILL, id="kill -9"),
    ],
)
def test_an_interrupted_job_resumes_byte_for_byte(command, job, tmp_path, number, code):
    output = tmp_path / "out.jsonl"
    for attempt in range(2):
        more = ["--resume"] if attempt else []
        returned, said = stop_in_the_middle(command, job, output, number, *more)
        assert returned == code
        assert not output.exists()
        assert "Traceback" not in said
        if number != signal.SIGKILL:
            assert said.splitlines()[-1].startswith("sentire: interrupted after ")
            assert said.endswith(" rows; continue with --resume\n")
    done = subprocess.run(
        scoring(command, output, "--resume"), cwd=job, capture_output=True, check=False
    )
    assert done.returncode == 3, "errors before the interruption count"
    assert b"resuming after" in done.stderr
    assert b"30,000 rows" in done.stderr
    assert output.read_bytes() == (job / "whole.jsonl").read_bytes()
    assert sorted(tmp_path.iterdir()) == [output]


def test_ctrl_c_at_any_moment_of_the_start_is_one_line(command, job, tmp_path):
    for delay_ms in itertools.chain(range(60, 500, 80)):
        output = tmp_path / f"out{delay_ms}.jsonl"
        with start(
            scoring(command, output), cwd=job, stderr=subprocess.PIPE, process_group=0
        ) as process:
            time.sleep(delay_ms / 1000)
            process.send_signal(signal.SIGINT)
            said = process.stderr.read().decode()
        assert process.returncode == 130, (delay_ms, said)
        assert "Traceback" not in said, delay_ms
        assert "interrupted" in said


def wait_until_read(pipe):
    """Wait until the other end has taken everything that was written into a pipe."""
    left = array("i", [1])
    while left[0]:
        time.sleep(0.02)
        fcntl.ioctl(pipe, termios.FIONREAD, left)


def test_ctrl_c_while_standard_input_is_awaited(command, tmp_path):
    with start(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(b"good\n")
        process.stdin.flush()
        wait_until_read(process.stdin)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        # What it read to find the encoding, before the first row, is interrupted without a count.
        said = process.stderr.read().decode()
        assert said in {"sentire: interrupted\n", "sentire: interrupted after 0 rows\n"}


def write_while_a_signal_comes(interrupts, written):
    with interrupts.held():
        with interrupts.held():
            signal.raise_signal(signal.SIGTERM)
            written.append("half")
        written.append("whole")


@pytest.fixture
def listening():
    """SIGINT as Python handles it, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_waits_while_a_record_is_written(listening):
    written = []
    with Interrupts() as interrupts:
        with pytest.raises(Stopped) as stopped:
            write_while_a_signal_comes(interrupts, written)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)
    assert written == ["half", "whole"]
    assert stopped.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_ctrl_c_stays_ignored(command, tmp_path):
    """What a shell started in the background is left alone by Ctrl-C for what runs before it."""
    ignoring = ["sh", "-c", 'trap "" INT; exec "$0" "$@"', *command]
    with start(
        ignoring,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"good\n")
        process.stdin.flush()
        wait_until_read(process.stdin)
        process.send_signal(signal.SIGINT)
        process.stdin.write(b"bad\n")
        answers, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert answers.count(b"\n") == 2
