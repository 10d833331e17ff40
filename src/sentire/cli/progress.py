"""The progress bar of a file job: share, rows, rate and time left, on stderr."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_EVERY_S = 0.1


class ProgressBar(AbstractContextManager["ProgressBar"]):
    """A bar over the rows of an input.

    Parameters
    ----------
    fraction_read : function that gives 0 to 1, or None where the size is not known
    n_before : int
        Rows that an earlier run has done; they don't count for the rate.
    """

    def __init__(self, fraction_read: Callable[[], float | None], *, n_before: int) -> None:
        self._fraction_read, self._n_before = fraction_read, n_before
        self._began = self._shown = time.monotonic()
        self._bar = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows"),
            TextColumn("{task.fields[rate]:,.0f} rows/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        total = None if fraction_read() is None else 1.0
        self._task = self._bar.add_task("", total=total, rows=n_before, rate=0.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, n_written: int, n_read: int) -> None:
        """Tell how many rows were written and read; cheap enough to call for every row."""
        now = time.monotonic()
        if now - self._shown < _EVERY_S:
            return
        self._shown = now
        # Rows are read ahead of those written; the share of the latter is what is done.
        done = (self._fraction_read() or 0.0) * n_written / max(1, n_read)
        rate = (n_written - self._n_before) / (now - self._began)
        self._bar.update(self._task, completed=done, rows=n_written, rate=rate)
