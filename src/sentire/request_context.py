"""What is known of the request at hand: for whom it is, and where its time went.

Whoever takes requests in fills it, and whoever runs texts reads it or adds to it; neither has to
know the other.
"""

from collections.abc import Callable, Hashable, MutableMapping
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

Scope = MutableMapping[str, Any]
"""Of a request, as ASGI has it."""
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


class RequestRecord(NamedTuple):
    """How a request ended."""

    method: str
    """"-" where it is none of ours."""
    route: str
    """The template of its path; "-" where there is none."""
    status: int
    seconds: float
    """From its head to the beginning of its answer."""
    request_id: str
    timing: Timing


class RequestObserver(Protocol):
    """Is told of every request."""

    def begin(self, scope: Scope) -> Callable[[RequestRecord], None] | None:
        """Note that a request begins; what is given is called when it has ended, in the same task.

        Parameters
        ----------
        scope : ASGI scope
            Of the request.
        """
