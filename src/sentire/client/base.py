"""What both clients have in common: the work of a request, and how its failures are named.

Reads:   texts and options
Gives:   the steps of their requests
Never:   carries a step out; ``synchronous.py`` and ``asynchronous.py`` do
"""

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sentire.client import wire
from sentire.client.exchange import ConnectionLost, Exchange, Outcome, RetryPolicy, Send, Step
from sentire.client.servers import Servers
from sentire.client.wire import Chunk
from sentire.errors import NotText, OptionError, RequestRefused
from sentire.optional import import_extra
from sentire.proxies import unusable
from sentire.text.values import kind_of, plain
from sentire.types import Answer, Prediction, PredictOptions, Unscored

Pool = TypeVar("Pool")
"""A client of httpx, of either kind."""
Records = list[Answer]

_CONNECT_S = 5.0
"""A server that does not even take the connection for so long is not there."""
_KEEP_S = 3.0
"""Connections that idle longer are not used again: servers close theirs after 5 s."""


class BaseClient(ABC, Generic[Pool]):
    """What both clients know: addresses, headers, the size of requests.

    Proxies are those of the environment (``HTTP_PROXY``, ``NO_PROXY`` and so on), as they are when
    the client is made. Servers on this machine are asked directly, whatever the environment says.

    Parameters
    ----------
    url : str or sequence of str
        Base address of a ``sentire serve`` or ``sentire serve-model``; of several, those that are
        healthy are asked evenly.
    api_key : str, optional
    retry : RetryPolicy, optional
        How long and how often to try.
    chunk : int
        Texts in one request of ``analyze_many``.
    concurrency : int
        Requests of one ``analyze_many`` at once.
    connections : int
        Open connections at most.
    headers : function, optional
        Gives further headers; called for each request, where it is made.

    Attributes
    ----------
    servers : Servers
        What is known of the servers' health.

    Raises
    ------
    MissingExtra
        httpx is not installed.
    OptionError
        An address is none, or the environment names a proxy that can't be used.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        api_key: str | None = None,
        retry: RetryPolicy | None = None,
        chunk: int = 64,
        concurrency: int = 4,
        connections: int = 100,
        headers: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        urls = [url] if isinstance(url, str) else list(url)
        for each in urls:
            if not re.match(r"https?://[^/]", each):
                raise OptionError(f"the address {each!r} is none. Give one as http://HOST:PORT.")
        if not urls:
            raise OptionError("there is no address to ask. Give at least one.")
        numbers = {"chunk": chunk, "concurrency": concurrency, "connections": connections}
        for name, number in numbers.items():
            if number < 1:
                raise OptionError(f"{name} is {number}. Allowed is a number from 1.")
        self.servers = Servers([each.rstrip("/") for each in urls], clock=time.monotonic)
        self._exchange = Exchange(self.servers, retry or RetryPolicy())
        self._chunk_texts = chunk
        self._concurrency = concurrency
        self._httpx = import_extra("httpx", extra="client", purpose="asking a server")
        self._headers = headers
        fixed = {"Content-Type": "application/json"}
        all_headers = fixed | ({"Authorization": f"Bearer {api_key}"} if api_key else {})
        limits = self._httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_KEEP_S,
        )
        self._direct = self._connect(limits, headers=all_headers, is_direct=True)
        self._proxied: Pool | None = None
        if self.servers.is_behind_proxy:
            try:
                self._proxied = self._connect(limits, headers=all_headers, is_direct=False)
            except (ValueError, ImportError) as error:
                raise unusable(error) from None

    @abstractmethod
    def _connect(self, limits: Any, *, headers: Mapping[str, str], is_direct: bool) -> Pool:
        """Open a pool of connections, all direct or as the environment says."""

    def _pool(self, step: Send) -> Pool:
        return self._proxied if step.proxy and self._proxied is not None else self._direct

    def _score(
        self, chunk: Chunk, options: PredictOptions, model: str | None
    ) -> Generator[Step, Outcome, Records]:
        """Ask for a chunk; one that is too large for a server, in halves."""
        if not chunk.texts:
            return wire.unsent(chunk)
        try:
            request = wire.encode(chunk, options, model=model)
            url, body = yield from self._exchange.steps(wire.PATH, request)
        except RequestRefused as refused:
            if refused.status != 413:
                raise
            if len(chunk.values) == 1:
                return wire.too_large(chunk, refused)
            first, second = wire.halves(chunk)
            return [
                *(yield from self._score(first, options, model)),
                *(yield from self._score(second, options, model)),
            ]
        return wire.decode(body, chunk, url=url)

    def _score_one(
        self, text: object, options: PredictOptions, model: str | None
    ) -> Generator[Step, Outcome, Prediction]:
        text = plain(text)
        if not isinstance(text, str):
            raise NotText(kind_of(text))
        [record] = yield from self._score(wire.chunk_of([text]), options, model)
        if isinstance(record, Unscored):
            raise wire.error_of(record)
        return record

    def _request(self, step: Send) -> dict[str, Any]:
        """Arguments of httpx for a request; the server drops what would come too late."""
        more = dict(self._headers()) if self._headers else {}
        if step.host is not None:
            more["Host"] = step.host
        return {
            "method": "GET" if step.body is None else "POST",
            "url": step.url,
            "content": step.body,
            "headers": {**more, "X-Request-Timeout": f"{max(step.timeout_s, 0.001):.3f}"},
            "timeout": self._httpx.Timeout(step.timeout_s, connect=min(step.timeout_s, _CONNECT_S)),
        }

    def _lost(self, error: Exception, step: Send) -> ConnectionLost:
        if isinstance(error, self._httpx.ProxyError):
            return ConnectionLost(f"is not reached: the proxy refuses ({error})")
        if isinstance(error, self._httpx.ConnectError | self._httpx.ConnectTimeout):
            return ConnectionLost("is not reached")
        if isinstance(error, TimeoutError | self._httpx.TimeoutException):
            return ConnectionLost(f"did not answer within {step.timeout_s:.3g} s")
        return ConnectionLost(f"broke off the connection ({type(error).__name__})")
