"""How a command ends: its exit code, and the line on stderr that goes with it."""

import sys
from contextlib import suppress

OURS, USAGE = 1, 2
INTERRUPTED, TERMINATED, PIPE_CLOSED = 130, 143, 141
"""128 and the number of the signal, as shells count."""


def say(message: str, *, as_it_is: bool = False) -> None:
    """Write to stderr, where somebody listens on it: one line that begins with our name.

    Parameters
    ----------
    message : what happened, and what to do
    as_it_is : whether it is a page of help, whose lines are kept
    """
    line = message if as_it_is else f"sentire: {' '.join(message.splitlines())}"
    with suppress(OSError, ValueError, AttributeError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201
