"""What may be told about running texts: sizes and times, never a text.

Reads:   nothing
Gives:   the records and the protocol between whoever runs texts and whoever counts
Never:   decides what becomes of the figures; ``service/metrics.py`` does
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from sentire.types import Prediction, Unscored


class Ran(NamedTuple):
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

    def ran(self, run: Ran) -> None:
        """Count a run of the model."""

    def answered(self, answers: Sequence[Prediction | Unscored]) -> None:
        """Count the answers of a request."""


class Timing:
    """Where one request spent its time, in seconds; of several texts the longest."""

    __slots__ = ("model_s", "n_cached", "queue_s", "text_s")

    def __init__(self) -> None:
        self.text_s = self.queue_s = self.model_s = 0.0
        self.n_cached = 0


TIMING: ContextVar[Timing | None] = ContextVar("sentire_timing", default=None)
"""Filled in for the request at hand, where somebody wants to know."""
