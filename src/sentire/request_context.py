"""What is known of the request at hand: for whom it is, and where its time went.

Whoever takes requests in fills it, and whoever runs texts reads it or adds to it; neither has to
know the other.
"""

from collections.abc import Hashable
from contextvars import ContextVar

Client = Hashable | None
"""Any value that a dictionary takes as a key; None where clients are not told apart."""

CLIENT: ContextVar[Client] = ContextVar("sentire_client", default=None)
"""For whom the request is."""


class Timing:
    """Where one request spent its time, in seconds; of several texts the longest."""

    __slots__ = ("model_s", "n_cached", "queue_s", "text_s")

    def __init__(self) -> None:
        self.text_s = self.queue_s = self.model_s = 0.0
        self.n_cached = 0


TIMING: ContextVar[Timing | None] = ContextVar("sentire_timing", default=None)
"""Filled in for the request, where somebody wants to know."""
