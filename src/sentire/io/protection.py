"""What an output may replace: nothing that is read, and nothing that is there unless asked to.

Reads:   names of inputs and outputs, and what the file system says they are
Gives:   an error that says what would be lost
Never:   trusts a spelling; links, hard links and other paths to one file are one file
"""

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlsplit

from sentire.errors import OptionError
from sentire.io.checkpoint import checkpoint_path, partial_path
from sentire.io.names import is_url

_DATABASE_FILE = re.compile(r"[^:/]+:///([^?]+)")


def refuse_inputs(outputs: Iterable[Path | None], inputs: Iterable[Path | str | None]) -> None:
    """Refuse outputs that are read as well, or that are folders with something in them that is.

    Parameters
    ----------
    outputs : iterable of Path or None
        Files and folders that will be written; None is standard output.
    inputs : iterable of Path, str or None
        What will be read: paths, URLs of databases, names of models, which count where they are
        paths; None is standard input.

    Raises
    ------
    OptionError
        An output is an input, by any spelling or link.
    """
    read = [(name, status) for name in inputs for status in _read_places(name)]
    for output in outputs:
        written = _opened(sys.__stdout__) if output is None else _status(output)
        if written is None or not _can_be_lost(written):
            continue
        for name, status in read:
            if os.path.samestat(written, status):
                raise OptionError(
                    f"{'stdout' if output is None else output} would replace "
                    f"{'what stdin is read from' if name is None else name}, which is read. "
                    "Name another output."
                )


def refuse_existing(output: Path) -> None:
    """Refuse a file that is there.

    Raises
    ------
    OptionError
        It is; the message names the option that replaces it.
    """
    if output.is_file():
        raise OptionError(
            f"{output} is there already. Name another file, or replace it with --force."
        )


def written_paths(output: Path | None) -> list[Path | None]:
    """The output of a file job, and the files by way of which it is written."""
    if output is None:
        return [None]
    whole = output.resolve()
    return [output, partial_path(whole), checkpoint_path(whole)]


def is_finished(output: Path) -> bool:
    """Whether a file job has ended: its output is there, and nothing that could be resumed."""
    whole = output.resolve()
    unfinished = checkpoint_path(whole).exists() and partial_path(whole).exists()
    return whole.is_file() and not unfinished


def _read_places(name: Path | str | None) -> Iterator[os.stat_result]:
    """The file or folder of an input, and all folders around it."""
    if name is None:
        given = _opened(sys.__stdin__)
        if given is not None and _can_be_lost(given):
            yield given
        return
    url = isinstance(name, str) and is_url(name)
    for path in _database_files(str(name)) if url else [Path(name)]:
        given = _status(path)
        if given is None or not _can_be_lost(given):
            continue
        yield given
        yield from filter(None, map(_status, path.resolve().parents))


def _database_files(url: str) -> Iterator[Path]:
    """Where the file of an embedded database may be."""
    found = _DATABASE_FILE.match(url)
    if found:
        yield Path(found[1])
        if found[1].startswith("file:"):
            yield Path(unquote(urlsplit(found[1]).path) or ".")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _opened(stream: TextIO | None) -> os.stat_result | None:
    """What a standard stream is; None where the process has none."""
    try:
        return None if stream is None else os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None


def _can_be_lost(status: os.stat_result) -> bool:
    """Devices and pipes may be read and written at once."""
    return stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
