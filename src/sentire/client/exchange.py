"""One request, from the first try to its answer or its error: what to send where, and when again.

The steps are given to whoever carries them out, with blocking calls or with asyncio, so that both
clients think with one head.

Reads:   the outcome of each step
Gives:   the next step; in the end the body of the answer
Never:   sends what could do harm twice: predictions change nothing
"""

import email.utils
import random
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from sentire.client.servers import Server, ServerLease, Servers, Wait
from sentire.client.wire import reason_of, refusal
from sentire.errors import SentireError, ServiceOverloaded, ServiceUnreachable

_READY = "/health/ready"
_CHECK_S = 2.0
"""Seconds for a server that was away to say that it is ready."""
_RETRY_AFTER_S = 1.0
"""Where a server does not say when to come back."""
_GATEWAY_STATUS = {502, 504}
"""A proxy's words for: the server behind me was not reached."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how often to try."""

    timeout_s: Annotated[float, Meta(gt=0)] = 30.0
    """Seconds for a request with all its tries."""
    tries: Annotated[int, Meta(ge=1)] = 5
    """Of a request, over all servers; asking whether one is back is a try as well."""
    longest_wait_s: Annotated[float, Meta(ge=0)] = 10.0
    """A longer wait before the next try is not begun; the request fails at once."""
    first_wait_s: Annotated[float, Meta(ge=0)] = 0.1
    """Longest wait after the first failure; it doubles with each. The true one is drawn between
    nothing and that, so that many clients don't come back in step."""
    one_try_s: Annotated[float, Meta(gt=0)] = 10.0
    """Seconds after which another server is asked, where there is another."""


class Send(NamedTuple):
    """Send a request; the outcome is a :class:`Reply` or :class:`ConnectionLost`."""

    url: str
    body: bytes | None
    """None is a GET."""
    timeout_s: float
    host: str | None = None
    """What ``Host`` says, where it is not in the URL."""
    proxy: str = ""
    """What it goes through; empty where it goes direct."""


class Sleep(NamedTuple):
    """Wait; the outcome is None."""

    seconds: float


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ConnectionLost(NamedTuple):
    """No answer came."""

    reason: str


Step: TypeAlias = Send | Sleep
Outcome: TypeAlias = Reply | ConnectionLost | None
Steps: TypeAlias = Generator[Step, Outcome, tuple[str, bytes]]


class Exchange:
    """Makes the steps of requests.

    Parameters
    ----------
    servers : Servers
    retry : RetryPolicy
    clock, uniform : function
        For tests.
    """

    def __init__(
        self,
        servers: Servers,
        retry: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._servers = servers
        self._retry = retry
        self._clock = clock
        self._uniform = uniform

    def steps(self, path: str, body: bytes | None) -> Steps:
        """Give the steps of one request; returns what messages call the server, and its answer.

        Parameters
        ----------
        path : str
        body : bytes or None
            None is a GET.

        Raises
        ------
        RequestRefused
            A server does not take it.
        ServiceFailed
            A server failed at it.
        ServiceOverloaded, ServiceUnreachable
            No server had time or was there, as often and as long as was tried.
        """
        attempt = _Attempt(self._clock() + self._retry.timeout_s)
        while attempt.n_sent < self._retry.tries:
            left_s = attempt.deadline - self._clock()
            if left_s <= 0:
                break
            choice = self._servers.acquire(attempt.backoff_until)
            if isinstance(choice, Wait):
                if choice.seconds > min(left_s, self._retry.longest_wait_s):
                    break
                yield Sleep(choice.seconds)
                continue
            try:
                attempt.n_sent += 1
                if choice.probe and not (yield from self._is_ready(choice, left_s)):
                    continue
                left_s = attempt.deadline - self._clock()
                if left_s <= 0:
                    break
                timeout_s = left_s if choice.is_last else min(left_s, self._retry.one_try_s)
                server = choice.server
                outcome = yield Send(server.url + path, body, timeout_s, *_way(server))
                answer = self._judge(choice, outcome, attempt)
            finally:
                self._servers.release(choice)
            if answer is not None:
                return choice.server.named, answer
        raise attempt.error or ServiceUnreachable(self._servers.reasons)

    def _is_ready(self, lease: ServerLease, left_s: float) -> Generator[Step, Outcome, bool]:
        server = lease.server
        outcome = yield Send(server.url + _READY, None, min(left_s, _CHECK_S), *_way(server))
        if isinstance(outcome, Reply) and outcome.status == 200:
            self._servers.record_success(lease)
            return True
        said = f"is not ready: status {outcome.status}" if isinstance(outcome, Reply) else None
        self._servers.record_failure(lease, said or _loss_reason(outcome))
        return False

    def _judge(self, lease: ServerLease, outcome: Outcome, attempt: "_Attempt") -> bytes | None:
        """The answer, or None where the request is to be sent again; raises what is final."""
        url = lease.server.url
        if isinstance(outcome, Reply):
            if outcome.status == 200:
                self._servers.record_success(lease)
                return outcome.body
            if outcome.status in {429, 503}:
                self._back_off(lease, outcome, attempt)
                return None
            if outcome.status not in _GATEWAY_STATUS:
                self._servers.record_success(lease)
                raise refusal(outcome.status, outcome.body, url=lease.server.named)
            reason = f"is behind a proxy that does not reach it: {outcome.status}"
        else:
            reason = _loss_reason(outcome)
        self._servers.record_failure(lease, reason)
        longest_s = self._retry.first_wait_s * 2 ** min(attempt.n_sent - 1, 10)
        attempt.backoff_until[url] = self._clock() + self._uniform(0, longest_s)
        attempt.error = ServiceUnreachable(self._servers.reasons)
        return None

    def _back_off(self, lease: ServerLease, reply: Reply, attempt: "_Attempt") -> None:
        """Keep a request away from a server that refused it for now."""
        url, after_s = lease.server.url, _retry_after_s(reply.headers)
        self._servers.record_refusal(
            lease, f"refuses for now: {reason_of(reply.body) or reply.status}"
        )
        attempt.backoff_until[url] = self._clock() + after_s * self._uniform(1, 1.25)
        attempt.error = (
            ServiceOverloaded(lease.server.named, after_s)
            if reply.status == 429
            else ServiceUnreachable(self._servers.reasons)
        )


class _Attempt:
    """What one request has seen so far."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.n_sent = 0
        self.backoff_until: dict[str, float] = {}
        """Addresses that are not asked again before some moment."""
        self.error: SentireError | None = None
        """What to raise when there is no time or no try left."""


def _way(server: Server) -> tuple[str | None, str]:
    return server.host, server.proxy


def _loss_reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, ConnectionLost) else "gave no answer"


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds that ``Retry-After`` names, as a number or as a date."""
    written = headers.get("retry-after", "")
    try:
        return max(0.0, float(written))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(written)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return _RETRY_AFTER_S
