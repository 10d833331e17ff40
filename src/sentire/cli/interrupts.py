"""Ctrl-C and SIGTERM, held back while a record is being written."""

import signal
import sys
from types import FrameType
from typing import NoReturn, Self

from sentire.signals import stop_signals


def exit_when_stopped() -> None:
    """Make both signals end the process with 0, also while libraries are imported."""
    for number in stop_signals():
        signal.signal(number, _exit)


def _exit(*_: object) -> NoReturn:
    sys.exit(0)


class Stopped(KeyboardInterrupt):
    """The process was asked to end.

    Attributes
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


class Interrupts:
    """Turns both signals into :class:`Stopped`, at once or at the end of :meth:`held`.

    Use it in ``with``, in the main thread; ``with interrupts.held():`` inside.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._waiting: int | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._came) for number in stop_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def held(self) -> "_Held":
        """Give a context that is not interrupted; a signal that comes meanwhile waits."""
        return _Held(self)

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if self._depth:
            self._waiting = number
        else:
            raise Stopped(number)

    def _hold(self) -> None:
        self._depth += 1

    def _release(self) -> None:
        self._depth -= 1
        if not self._depth and self._waiting is not None:
            number, self._waiting = self._waiting, None
            raise Stopped(number)


class _Held:
    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def __enter__(self) -> None:
        self._interrupts._hold()

    def __exit__(self, *_: object) -> None:
        self._interrupts._release()
