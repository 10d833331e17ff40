"""Run a command and turn whatever happens into one line on stderr and an exit code.

Reads:   the words of the command line
Gives:   0 all scored, 1 our error, 2 usage or an input that can't be used, 3 done but some rows
         carry errors, 130 after Ctrl-C
Never:   shows a traceback, unless SENTIRE_DEBUG is set
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

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
    # Everything is imported in here, so that Ctrl-C at any moment ends without a traceback.
    try:
        import click

        from sentire.cli.commands import commands
        from sentire.errors import SentireError

        try:
            code = commands.main(list(words), prog_name="sentire", standalone_mode=False)
        except click.Abort:
            return _failed("interrupted", INTERRUPTED)
        except click.ClickException as error:
            return _failed(_usage(error), USAGE)
        except SentireError as error:
            return _failed(str(error), code_of(error))
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return PIPE_CLOSED
    except MemoryError:
        return _failed("the memory is used up. Free some, or run fewer things at once.", OURS)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if os.environ.get("SENTIRE_DEBUG"):
            raise
        return _failed(_unexpected(error), OURS)
    return code if isinstance(code, int) else 0


def code_of(error: Exception) -> int:
    """Exit code for one of sentire's own errors: 2 where the caller can mend it, else 1."""
    from sentire.errors import InputError

    return USAGE if isinstance(error, InputError) else OURS


def _usage(error: Exception) -> str:
    import click

    if not isinstance(error, click.ClickException):
        return str(error)
    context = getattr(error, "ctx", None)
    where = f" See {context.command_path} --help" if context else ""
    return error.format_message().replace("\n", " ") + where


def _unexpected(error: Exception) -> str:
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


def _failed(message: str, code: int) -> int:
    line = " ".join(message.split("\n"))
    try:
        print(f"sentire: {line}", file=sys.stderr, flush=True)  # noqa: T201
    except (OSError, ValueError, AttributeError):
        return code  # nobody listens on stderr
    return code


def _flush() -> None:
    """Flush stdout; a closed pipe behind ``| head`` is no error worth a message."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
