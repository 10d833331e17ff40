"""Time a whole process and read its peak memory from the operating system.

The figures are taken by a small process of its own: a child inherits the peak of whoever started
it, and a test runner is larger than what it measures.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run of a command took."""

    seconds: float
    peak_mb: float
    exit_code: int


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end; its output is thrown away."""
    watcher = [sys.executable, "-S", __file__, *command]
    return Cost(*json.loads(subprocess.run(watcher, capture_output=True, check=True).stdout))


def sentire(*arguments: str) -> list[str]:
    """Command line of the installed ``sentire``."""
    return [sys.executable, "-m", "sentire", *arguments]


def _watch(command: Sequence[str]) -> Cost:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    return Cost(seconds, usage.ru_maxrss / 1024, process.returncode)


if __name__ == "__main__":
    print(json.dumps(_watch(sys.argv[1:])))
