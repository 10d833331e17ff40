"""What may be told about running texts: sizes and times, never a text.

Reads:   what is told by whoever runs texts
Gives:   the same to everybody who counts
Never:   decides what becomes of the figures; ``serving/metrics.py`` does
"""

import logging
import traceback
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sentire.types import Answer

_LOG = logging.getLogger("sentire.models")


class BatchStats(NamedTuple):
    """One run of a model."""

    n_rows: int
    n_tokens: int
    """Without padding."""
    n_padded: int
    """Rows times the longest."""
    run_s: float
    waits_s: Sequence[float]
    """How long each row had waited in the queue."""


class Observer(Protocol):
    """Counts what a model does; called from several threads."""

    def batch_ran(self, stats: BatchStats) -> None:
        """Count a run of the model."""

    def answered(self, answers: Sequence[Answer]) -> None:
        """Count the answers of a request."""


class Observers:
    """Tells several observers. One that fails is logged once and told on; it harms nobody."""

    def __init__(self) -> None:
        self._all: tuple[Observer, ...] = ()
        self._failed: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, observer: Observer) -> None:
        """Tell ``observer`` as well from now on."""
        self._all = (*self._all, observer)

    def batch_ran(self, stats: BatchStats) -> None:
        """Tell of a run of the model."""
        for observer in self._all:
            try:
                observer.batch_ran(stats)
            except Exception as error:
                self._report(observer, error)

    def answered(self, answers: Sequence[Answer]) -> None:
        """Tell of the answers of a request."""
        for observer in self._all:
            try:
                observer.answered(answers)
            except Exception as error:
                self._report(observer, error)

    def _report(self, observer: Observer, error: Exception) -> None:
        """Log where an observer failed, and not its message, which may quote a text."""
        if id(observer) in self._failed:
            return
        self._failed.add(id(observer))
        [*_, at] = traceback.extract_tb(error.__traceback__)
        _LOG.error(
            "observer %s failed: %s at %s:%s. It is told on; this is said once.",
            type(observer).__name__,
            type(error).__name__,
            at.filename,
            at.lineno,
        )
