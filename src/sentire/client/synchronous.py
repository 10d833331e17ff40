"""The client for ordinary code.

Reads:   texts
Gives:   predictions, n in, n out, in order
Never:   decides about tries or servers; ``exchange.py`` and ``servers.py`` do
"""

import time
from collections import deque
from collections.abc import (
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self, TypeVar

from sentire.client import wire
from sentire.client.base import BaseClient, Records
from sentire.client.exchange import Outcome, Reply, Send, Step
from sentire.errors import Closed
from sentire.text.values import check_texts
from sentire.types import Answer, OnLong, Prediction, PredictOptions

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class Client(BaseClient["httpx.Client"]):
    """Asks one server or several. Safe to share between threads; close it, or use it in ``with``.

    Parameters and errors are those of :class:`~sentire.client.base.BaseClient`.
    """

    def _connect(
        self, limits: "httpx.Limits", *, headers: Mapping[str, str], is_direct: bool
    ) -> "httpx.Client":
        # httpx takes proxies from the environment where it makes the transport itself.
        transport = self._httpx.HTTPTransport(limits=limits) if is_direct else None
        client: httpx.Client = self._httpx.Client(
            headers=headers, limits=limits, transport=transport
        )
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def analyze(
        self,
        text: str,
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
        model: str | None = None,
    ) -> Prediction:
        """Score one text.

        Parameters
        ----------
        text : str
        sentences, emotion, on_long : as in :meth:`sentire.Analyzer.analyze`
        model : str, optional
            ``NAME`` or ``NAME@VERSION``; by default the server's default model.

        Raises
        ------
        TextError
            The text can't be scored; ``code`` says why.
        RequestRefused
            The server does not take the request: an unknown model, a missing key, no such output.
        Unavailable
            No server had time or was there, as often and as long as was tried.
        ServiceFailed
            The server failed at the request.
        """
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        return self._run(self._score_one(text, options, model))

    def analyze_many(
        self,
        texts: Iterable[object],
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
        model: str | None = None,
    ) -> Iterator[Answer]:
        """Score any iterable: n in, n out, in order, in constant memory.

        A few requests run at once. A text that can't be scored gives an
        :class:`~sentire.types.Unscored` in its place.

        Parameters
        ----------
        texts : iterable of object
            A list, an iterator, or a column of pandas, polars, Arrow or NumPy. Missing values
            keep their place, with an error.
        sentences, emotion, on_long, model : as in :meth:`analyze`

        Raises
        ------
        NotTexts
            A ``TypeError``: ``texts`` is one text, a mapping or a data frame.
        RequestRefused, Unavailable, ServiceFailed
            As in :meth:`analyze`.
        """
        check_texts(texts, call="analyze_many")
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        return self._stream(texts, options, model)

    def _stream(
        self, texts: Iterable[object], options: PredictOptions, model: str | None
    ) -> Iterator[Answer]:
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="sentire-client")
        running: deque[Future[Records]] = deque()
        try:
            for chunk in wire.chunks(texts, self._chunk_texts):
                running.append(pool.submit(self._run, self._score(chunk, options, model)))
                if len(running) > self._concurrency:
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def fetch(self, path: str) -> bytes:
        """Get what one of the servers says at a path, such as ``/v2/models``."""
        return self._run(self._exchange.steps(path, None))[1]

    def close(self) -> None:
        """Close the connections."""
        self._direct.close()
        if self._proxied is not None:
            self._proxied.close()

    def _run(self, work: Generator[Step, Outcome, T]) -> T:
        outcome: Outcome = None
        try:
            while True:
                step = work.send(outcome)
                if isinstance(step, Send):
                    outcome = self._send(step)
                    continue
                time.sleep(step.seconds)
                outcome = None
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            work.close()

    def _send(self, step: Send) -> Outcome:
        if self._direct.is_closed:
            raise Closed("the client was closed")
        deadline = time.monotonic() + step.timeout_s
        try:
            with self._pool(step).stream(**self._request(step)) as answer:
                pieces = []
                for piece in answer.iter_bytes():
                    pieces.append(piece)
                    self._check(deadline)
                return Reply(answer.status_code, answer.headers, b"".join(pieces))
        except (TimeoutError, self._httpx.TransportError) as error:
            return self._lost(error, step)

    def _check(self, deadline: float) -> None:
        """Bound the time of all pieces of an answer: httpx bounds that of each."""
        if time.monotonic() > deadline:
            raise TimeoutError
