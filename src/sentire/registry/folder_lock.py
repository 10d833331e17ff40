"""A lock on a folder, which keeps processes from each other's files."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextmanager
def lock_folder(folder: Path) -> Iterator[bool]:
    """Make a folder and hold it against other processes; whoever dies lets it go.

    Gives False where another process has held it, and renamed it when it was done. Windows knows no
    such lock; there, two processes should not pull the same at once.
    """
    folder.mkdir(exist_ok=True)
    if sys.platform == "win32":
        yield True
        return
    try:
        opened = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield folder.exists() and os.path.samestat(os.fstat(opened), folder.stat())
    finally:
        os.close(opened)
