"""Processes that take Ctrl-C, however the tests themselves were started."""

import signal
import subprocess
from typing import Any


def start(command: list[Any], **options: Any) -> subprocess.Popen[Any]:
    """Start a process that does not ignore SIGINT, as a shell has its background jobs do.

    A signal that is ignored stays ignored in a child, one with a handler does not. Options are
    those of :class:`subprocess.Popen`; call it in the main thread.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, **options)
    finally:
        signal.signal(signal.SIGINT, before)
