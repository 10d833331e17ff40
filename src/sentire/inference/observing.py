"""What may be told about running texts: sizes and times, never a text.

Reads:   nothing
Gives:   the records and the protocol between whoever runs texts and whoever counts
Never:   decides what becomes of the figures; ``telemetry/metrics.py`` does
"""

from collections.abc import Sequence
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
