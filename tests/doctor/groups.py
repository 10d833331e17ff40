"""Real control groups, where this user may make some."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def control_group(controller: str, limits: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Make a group of version 1 below the top; gives what brings a process into it.

    Parameters
    ----------
    limits : file -> what is written into it
    """
    top = Path("/sys/fs/cgroup") / controller
    folder = top / f"sentire-test-{os.getpid()}"
    if not (top / "tasks").exists():
        pytest.skip(f"needs control groups of version 1 with {controller}")
    try:
        folder.mkdir()
        for name, value in limits.items():
            (folder / name).write_text(value)
    except OSError as error:
        pytest.skip(f"no control group can be made: {error.strerror}")

    def enter() -> None:
        (folder / "tasks").write_text(str(os.getpid()))

    try:
        yield enter
    finally:
        folder.rmdir()
