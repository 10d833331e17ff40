"""The entry of every command: run it, flush, leave the process with an exit code.

Reads:   the words of the command line
Gives:   0 all scored, 1 our error, 2 usage or an input that can't be used, 3 done but some rows
         carry errors, 130 after Ctrl-C
Never:   shows a traceback, unless SENTIRE_DEBUG is set
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from sentire.cli.exits import INTERRUPTED, PIPE_CLOSED, TERMINATED, say


def main() -> NoReturn:
    """Run ``sys.argv`` and leave the process."""
    code = run(sys.argv[1:])
    _flush()
    if code in {INTERRUPTED, TERMINATED, PIPE_CLOSED}:
        # The engine's threads may still be at work; there is nothing left to wait for.
        os._exit(code)
    sys.exit(code)


def run(words: Sequence[str]) -> int:
    """Run a command line.

    Parameters
    ----------
    words : those behind ``sentire``

    Returns
    -------
    Exit code.
    """
    try:
        # Imported in here, so that Ctrl-C at any moment ends without a traceback.
        from sentire.cli.outcome import run_command

        return run_command(words)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


def _flush() -> None:
    """Flush stdout; a closed pipe behind ``| head`` is no error worth a message."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
