"""Run a command and turn whatever happens into one line on stderr and an exit code.

Reads:   the words of the command line
Gives:   0 all scored, 1 our error, 2 usage or an input that can't be used, 3 done but some rows
         carry errors, 130 after Ctrl-C
Never:   shows a traceback, unless SENTIRE_DEBUG is set
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import click

OURS, USAGE = 1, 2
INTERRUPTED, TERMINATED, PIPE_CLOSED = 130, 143, 141
"""128 and the number of the signal, as shells count."""


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

    Returns
    -------
    Exit code.
    """
    try:
        # Imported in here, so that Ctrl-C at any moment ends without a traceback.
        from sentire.cli.commands import commands

        code = commands.main(list(words), prog_name="sentire", standalone_mode=False)
    except (KeyboardInterrupt, Exception) as error:
        message, code = verdict(error)
        if code == OURS and os.environ.get("SENTIRE_DEBUG"):
            raise
        say(message, as_it_is=_is_help(error))
    return code if isinstance(code, int) else 0


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


def verdict(error: BaseException) -> tuple[str, int]:
    """Choose the line and the exit code for whatever ended a command."""
    import click

    from sentire.errors import InputError, SentireError

    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted", INTERRUPTED
    if isinstance(error, click.ClickException):
        return _usage(error), USAGE
    if isinstance(error, InputError):
        return str(error), USAGE
    if isinstance(error, SentireError):
        return str(error), OURS
    if isinstance(error, MemoryError):
        return "the memory is used up. Free some, or run fewer things at once.", OURS
    return _unexpected(error), OURS


def _is_help(error: BaseException) -> bool:
    """Whether the message is the help of a group that was called without a command."""
    import click

    return isinstance(error, click.exceptions.NoArgsIsHelpError)


def _usage(error: "click.ClickException") -> str:
    context = None if _is_help(error) else getattr(error, "ctx", None)
    return error.format_message() + (f" See {context.command_path} --help" if context else "")


def _unexpected(error: BaseException) -> str:
    """Name an error that should not happen by its place; its message might quote a text."""
    place, trace = "sentire", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "sentire" in Path(code.co_filename).parts:
            place = f"{Path(code.co_filename).name} line {trace.tb_lineno}"
        trace = trace.tb_next
    return (
        f"unexpected {type(error).__name__} in {place}. This is a bug, please report it; "
        "SENTIRE_DEBUG=1 shows the traceback."
    )


def _flush() -> None:
    """Flush stdout; a closed pipe behind ``| head`` is no error worth a message."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
