"""Which of several servers to ask: the healthy ones, evenly; the others again once they are back.

Each server has a circuit breaker. A few failures in a row open it, and nothing is sent there for a
while that doubles each time; then one request asks for its health first, and only a server that is
ready gets texts again. Failures of requests that ran at once count once.

Reads:   what happened to requests, and a clock
Gives:   the server for the next request, or how long to wait for one
Never:   sends anything; ``exchange.py`` says what to send
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sentire.proxies import by_way_of, is_loopback, proxy_of

OPENS_AFTER = 3
"""Failures in a row."""
_OPEN_S = 0.5
_LONGEST_OPEN_S = 30.0
_PENALTY_S = 1.0
"""How long a server that refused for lack of time or readiness is asked last."""
_CHECK_S = 0.05
"""How long to wait for another request to find out whether a server is back."""


class Server:
    """What is known of one server. Changed by :class:`Servers` only."""

    def __init__(self, url: str, host: str | None = None) -> None:
        self.url = url
        self.host = host
        """What ``Host`` says, where it is not in the address."""
        by_name = f"http://{host}" if host and not is_loopback(url) else url
        self.proxy = proxy_of(by_name)
        """What its requests go through; empty where they go direct."""
        self.named = f"{url}{by_way_of(self.proxy)}"
        """What messages call it."""
        self.reason = "was not asked yet"
        """What went wrong the last time."""
        self.in_flight = 0
        self.failures = 0
        self.failed_at = float("-inf")
        self.open_until = float("-inf")
        self.penalized_at = float("-inf")
        self.is_probed = False
        """Whether a request is finding out if it is back."""
        self.turn = 0


class ServerLease(NamedTuple):
    """A server to ask now, taken for one request; :meth:`Servers.release` it in the end."""

    server: Server
    at: float
    probe: bool
    """Ask for its health first: its circuit breaker was open."""
    is_last: bool
    """Whether no other could be asked instead."""


class Wait(NamedTuple):
    """No server can be asked before that many seconds are over."""

    seconds: float


class Servers:
    """Servers that hold the same models. Safe to share between threads.

    Parameters
    ----------
    urls : sequence of str, at least one
        Base addresses.
    clock : function
        Seconds since some moment; never goes back.
    """

    def __init__(self, urls: Sequence[str], *, clock: Callable[[], float]) -> None:
        self._servers = [Server(url) for url in urls]
        self._clock = clock
        self._lock = threading.Lock()
        self._turns = 0

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses."""
        return tuple(server.url for server in self._servers)

    @property
    def is_behind_proxy(self) -> bool:
        """Whether any of them is asked through a proxy."""
        return any(server.proxy for server in self._servers)

    def change(self, urls: Mapping[str, str | None]) -> None:
        """Ask others from now on; what is known of those that stay is kept.

        Parameters
        ----------
        urls : base address -> what ``Host`` is to say, or None where the address says it
        """
        with self._lock:
            known = {(server.url, server.host): server for server in self._servers}
            self._servers = [known.get(each) or Server(*each) for each in urls.items()]

    @property
    def reasons(self) -> tuple[str, ...]:
        """For each server its address and what went wrong there the last time."""
        return tuple(f"{server.named} {server.reason}" for server in self._servers)

    def acquire(self, backoff_until: Mapping[str, float]) -> ServerLease | Wait:
        """Take the server that is asked next.

        Parameters
        ----------
        backoff_until : addresses that this request does not ask again before some moment
        """
        with self._lock:
            now = self._clock()
            free = {server: self._free_at(server, backoff_until, now) for server in self._servers}
            usable = [server for server, at in free.items() if at <= now]
            if not usable:
                return Wait(min(free.values()) - now)
            best = min(
                usable,
                key=lambda s: (now - s.penalized_at < _PENALTY_S, s.in_flight, s.turn),
            )
            self._turns += 1
            best.turn = self._turns
            best.in_flight += 1
            probe = best.failures >= OPENS_AFTER
            best.is_probed = best.is_probed or probe
            return ServerLease(best, now, probe, len(usable) == 1)

    def release(self, lease: ServerLease) -> None:
        """Say that a request to a server is over, however it ended."""
        with self._lock:
            lease.server.in_flight -= 1
            if lease.probe:
                lease.server.is_probed = False

    def record_success(self, lease: ServerLease) -> None:
        """Count an answer: it closes the circuit breaker."""
        with self._lock:
            lease.server.failures = 0
            lease.server.open_until = float("-inf")

    def mark_ready(self, url: str) -> None:
        """Say that a server was seen to be ready by somebody who looks after it."""
        with self._lock:
            for server in self._servers:
                if server.url == url:
                    server.failures, server.open_until = 0, float("-inf")

    def record_refusal(self, lease: ServerLease, reason: str) -> None:
        """Say that a server is there, and refused for lack of time or readiness."""
        with self._lock:
            server = lease.server
            server.failures, server.open_until = 0, float("-inf")
            server.penalized_at, server.reason = self._clock(), reason

    def record_failure(self, lease: ServerLease, reason: str) -> None:
        """Say that a server was not reached, or broke off."""
        with self._lock:
            server, now = lease.server, self._clock()
            server.reason = reason
            if lease.at < server.failed_at:
                return  # it began before the last failure that was counted
            server.failures += 1
            server.failed_at = server.penalized_at = now
            doublings = server.failures - OPENS_AFTER
            if doublings >= 0:
                server.open_until = now + min(_LONGEST_OPEN_S, _OPEN_S * 2 ** min(doublings, 10))

    def _free_at(self, server: Server, backoff_until: Mapping[str, float], now: float) -> float:
        at = max(backoff_until.get(server.url, now), server.open_until)
        return max(at, now + _CHECK_S) if server.is_probed else at
