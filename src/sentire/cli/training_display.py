"""Watch a run of learning from a terminal, and stop it in good order."""

import signal
import sys
from contextlib import AbstractContextManager
from types import FrameType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sentire.signals import stop_signals
from sentire.training.finetune import StepReport


class Stop:
    """Ctrl-C and SIGTERM end a run after its step; the second Ctrl-C ends it at once.

    Use it in ``with``, in the main thread; call it to know whether to stop.

    Attributes
    ----------
    is_learning : bool
        Whether there is a step to end after; without one the first signal ends the run at once.
    """

    def __init__(self) -> None:
        self._asked = False
        self.is_learning = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._came) for number in stop_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Tell whether to stop; asked after each step."""
        self.is_learning = True
        return self._asked

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked or not self.is_learning:
            raise KeyboardInterrupt
        self._asked = True
        click.echo("sentire: saving a checkpoint, then stopping…", err=True)


class Display(AbstractContextManager["Display"]):
    """Progress of a run: a bar on a terminal, a line for each evaluation elsewhere."""

    def __init__(self) -> None:
        self._dev = "-"
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("step {task.completed:,.0f} of {task.total:,.0f}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TextColumn("dev {task.fields[dev]}"),
            TextColumn("{task.fields[rate]:,.0f} tokens/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("", total=None, loss=0.0, dev="-", rate=0.0, visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, report: StepReport) -> None:
        """Tell about a step."""
        if report.dev is not None:
            self._dev = f"{report.dev['mean']:.3f}"
            self.say(_line(report))
        self._bar.update(
            self._task,
            completed=report.step,
            total=report.n_steps,
            visible=True,
            loss=report.loss,
            rate=report.tokens_per_s,
            dev=self._dev,
        )

    def say(self, message: str) -> None:
        """Write a line above the bar."""
        self._bar.console.print(message, highlight=False, markup=False, soft_wrap=True)


def _line(report: StepReport) -> str:
    scores = ", ".join(f"{name} {value:.3f}" for name, value in (report.dev or {}).items())
    return (
        f"step {report.step} of {report.n_steps}, loss {report.loss:.3f}, "
        f"{report.tokens_per_s:,.0f} tokens/s, {report.seconds_left / 60:.0f} min left; "
        f"dev: {scores}"
    )
