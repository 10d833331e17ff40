"""Run a command, and turn whatever ended it into one line on stderr and an exit code."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from sentire.cli.commands import commands
from sentire.cli.exits import INTERRUPTED, OURS, USAGE, say
from sentire.errors import InputError, SentireError


def run_command(words: Sequence[str]) -> int:
    """Run a command line; only Ctrl-C is left to the caller.

    Parameters
    ----------
    words : those behind ``sentire``

    Returns
    -------
    Exit code.
    """
    try:
        code = commands.main(list(words), prog_name="sentire", standalone_mode=False)
    except Exception as error:
        message, code = verdict(error)
        if code == OURS and os.environ.get("SENTIRE_DEBUG"):
            raise
        say(message, as_it_is=_is_help(error))
    return code if isinstance(code, int) else 0


def verdict(error: BaseException) -> tuple[str, int]:
    """Choose the line and the exit code for whatever ended a command.

    Parameters
    ----------
    error : what it ended with

    Returns
    -------
    Line for people, exit code.
    """
    if isinstance(error, click.Abort):
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
    return isinstance(error, click.exceptions.NoArgsIsHelpError)


def _usage(error: click.ClickException) -> str:
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
