"""Files and folders that appear whole or not at all, and outlast a power cut.

Reads:   what is to be written, and where
Gives:   the file or the folder in its place, in one step, when all of it is on the disk
Never:   leaves half of it there; what a killed process left beside it is swept up by the next
"""

import glob
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_ABANDONED_S = 24 * 3600.0
"""A partial file to which nothing was written for so long is nobody's."""
_NAME_CHARACTERS = 50
"""Of a name in that of the partial file: 200 bytes at most, of 255 that file systems take."""


def sync(path: Path) -> None:
    """Let a file's content, or a folder's names, outlast a power cut."""
    if sys.platform == "win32" and path.is_dir():
        return
    opened = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def partial_file(
    path: Path, *, mode: int = 0o666, is_new: bool = False, durable: bool = True
) -> Iterator[Path]:
    """Give an empty file beside ``path`` to write to, which takes its place at the end.

    It keeps the rights of the file that it replaces. Where the block raises, nothing changes.

    Parameters
    ----------
    path : Path
    mode : int
        Rights of a file that was not there, less those that the umask takes away.
    is_new : bool
        Whether a file that is there already is an error. Of several who make the same at once, one
        succeeds, also on NFS.
    durable : bool
        Whether it is on the disk before it takes its place; not needed where only processes that
        run now read it.

    Raises
    ------
    FileExistsError
        It is there, and ``is_new`` is set.
    OSError
        It can't be written.
    """
    _sweep(path)
    partial = path.with_name(f".{path.name[:_NAME_CHARACTERS]}.{uuid4().hex}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        if not is_new:
            with suppress(FileNotFoundError):
                partial.chmod(path.stat().st_mode)
        yield partial
        if durable:
            sync(partial)
        if is_new:
            path.hardlink_to(partial)
        else:
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()
    if durable:
        sync(path.parent)


def write_file(
    path: Path, data: bytes, *, mode: int = 0o666, is_new: bool = False, durable: bool = True
) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
    data : bytes
    mode, is_new, durable : as for :func:`partial_file`, whose errors are this one's
    """
    with partial_file(path, mode=mode, is_new=is_new, durable=durable) as partial:
        partial.write_bytes(data)


def place_folder(folder: Path, at: Path, *, aside: Path | None = None) -> None:
    """Move a finished folder to its place on the same disk, with all that is in it.

    Parameters
    ----------
    folder : Path
    at : Path
        May be an empty folder.
    aside : Path, optional
        Where what is at ``at`` goes first; it comes back if the move fails. Without it, a folder
        with something in it is an error.

    Raises
    ------
    OSError
        It can't be moved.
    """
    for path in folder.rglob("*"):
        if not path.is_symlink():
            sync(path)
    sync(folder)
    try:
        if aside is not None and at.exists():
            at.rename(aside)
        folder.rename(at)
    except BaseException:
        if aside is not None and aside.exists():
            aside.rename(at)
        raise
    sync(at.parent)


def _sweep(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name[:_NAME_CHARACTERS])}.*.partial"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _ABANDONED_S:
                left.unlink()
