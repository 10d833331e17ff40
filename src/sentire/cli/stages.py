"""The progress of work in stages, on a terminal, and its end by a signal."""

import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sentire.cli.exits import INTERRUPTED, TERMINATED, say
from sentire.cli.interrupts import Interrupts, Stopped


def unbroken(work: Callable[["Stages"], None]) -> int:
    """Do some work with a display, so that Ctrl-C and SIGTERM leave nothing behind.

    Returns
    -------
    Exit code.
    """
    try:
        with Interrupts(), Stages() as stages:
            work(stages)
    except Stopped as stopped:
        say("interrupted; nothing was written")
        return TERMINATED if stopped.number == signal.SIGTERM else INTERRUPTED
    return 0


class Stages(AbstractContextManager["Stages"]):
    """The stage that is under way, on a terminal only. Call it as ``export`` tells its progress."""

    def __init__(self) -> None:
        shown = sys.stderr is not None and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not shown,
        )
        self._stage = ""
        self._task = self._bar.add_task("", total=None, visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is; a new one begins a new bar."""
        if stage != self._stage:
            self._bar.remove_task(self._task)
            self._task = self._bar.add_task(stage, total=None)
            self._stage = stage
            self._bar.refresh()
        self._bar.update(self._task, completed=done, total=total or None)
