"""Load on a server, from a process of its own.

Reads:   where a server listens, and a file of request bodies, one a line
Gives:   how many requests it answered, and how long they took
Never:   starts or stops a server
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from serving.measured import Load

_HERE = Path(__file__).parent
TIMEOUT_S = 60
MISSING = "wrk is not installed. On Debian and Ubuntu: apt-get install wrk"


def have_generator() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def full(
    port: int, path: str, bodies: Path, *, clients: int, seconds: float, n_requests: int = 0
) -> Load:
    """As much as ``clients`` connections can send, each waiting for its answer. Uses wrk.

    Parameters
    ----------
    n_requests : int
        Stop after so many answers, if they come before the seconds are over; 0 does not count.
    """
    command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s"]
    command += [f"--timeout={TIMEOUT_S}s", "-s", str(_HERE / "post.lua")]
    command += [f"http://127.0.0.1:{port}", "--", path, str(bodies)]
    return _run([*command, str(n_requests)] if n_requests else command)


def paced(port: int, path: str, bodies: Path, *, per_s: float, seconds: float) -> Load:
    """Requests at random times, ``per_s`` on average, whether or not answers have come.

    wrk can't do this; ``paced.py`` does.
    """
    command = [sys.executable, str(_HERE / "paced.py"), str(port), path, str(bodies)]
    return _run([*command, f"{per_s:.3f}", f"{seconds:.3f}"])


def _run(command: Sequence[str]) -> Load:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    try:
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if line.startswith("REACHED"):
                process.send_signal(signal.SIGINT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    _, found, result = output.rpartition("RESULT ")
    if not found or process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {output.strip()[-300:]}")
    return msgspec.convert(
        {**json.loads(result), "generator_cpu_s": usage.ru_utime + usage.ru_stime}, Load
    )
