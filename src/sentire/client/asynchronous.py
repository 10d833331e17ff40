"""The client for asyncio; it carries out the same steps as the other.

Reads:   texts
Gives:   predictions, n in, n out, in order
Never:   decides about tries or servers; ``exchange.py`` and ``servers.py`` do
"""

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from typing import TYPE_CHECKING, Self, TypeVar

from sentire.client import wire
from sentire.client.base import BaseClient, Records
from sentire.client.exchange import Outcome, Reply, Send, Step
from sentire.errors import Closed
from sentire.text.values import check_texts, texts_in
from sentire.types import Answer, OnLong, Prediction, PredictOptions

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class AsyncClient(BaseClient["httpx.AsyncClient"]):
    """The same for asyncio. Use it in one event loop; close it, or use it in ``async with``.

    Parameters and errors are those of :class:`~sentire.client.synchronous.Client`.
    """

    def _connect(
        self, limits: "httpx.Limits", *, headers: Mapping[str, str], is_direct: bool
    ) -> "httpx.AsyncClient":
        transport = self._httpx.AsyncHTTPTransport(limits=limits) if is_direct else None
        client: httpx.AsyncClient = self._httpx.AsyncClient(
            headers=headers, limits=limits, transport=transport
        )
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def analyze(
        self,
        text: str,
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
        model: str | None = None,
    ) -> Prediction:
        """Score one text; errors are those of :meth:`~sentire.client.synchronous.Client.analyze`.

        Parameters
        ----------
        text, sentences, emotion, on_long, model : as in ``Client.analyze``
        """
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        return await self._run(self._score_one(text, options, model))

    async def analyze_together(
        self,
        texts: Iterable[object],
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
        model: str | None = None,
    ) -> Records:
        """Score some texts in one request, so that one version of the model scores them all.

        One that is too large for the server is asked for in halves. Errors are those of
        :meth:`~sentire.client.synchronous.Client.analyze_many`.

        Parameters
        ----------
        texts, sentences, emotion, on_long, model : as in ``Client.analyze_many``
        """
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        return await self.predict(
            list(texts_in(texts, call="analyze_together")), options, model=model
        )

    async def predict(
        self, texts: Sequence[object], options: PredictOptions, *, model: str | None = None
    ) -> Records:
        """Score some texts in one request, as :meth:`analyze_together` does.

        Parameters
        ----------
        texts : sequence of object
        options : PredictOptions
            What is asked of all of them.
        model : str, optional
            As in :meth:`~sentire.client.synchronous.Client.analyze`.
        """
        return await self._run(self._score(wire.chunk_of(texts), options, model))

    def analyze_many(
        self,
        texts: Iterable[object] | AsyncIterable[object],
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
        model: str | None = None,
    ) -> AsyncIterator[Answer]:
        """Score any iterable or asynchronous iterable.

        Errors are those of :meth:`~sentire.client.synchronous.Client.analyze_many`.

        Parameters
        ----------
        texts : iterable or asynchronous iterable of object
        sentences, emotion, on_long, model : as in ``Client.analyze_many``
        """
        check_texts(texts, call="analyze_many")
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        return self._stream(texts, options, model)

    async def _stream(
        self,
        texts: Iterable[object] | AsyncIterable[object],
        options: PredictOptions,
        model: str | None,
    ) -> AsyncIterator[Answer]:
        running: deque[asyncio.Task[Records]] = deque()
        try:
            async for chunk in wire.chunks_async(texts, self._chunk_texts):
                running.append(asyncio.create_task(self._run(self._score(chunk, options, model))))
                if len(running) > self._concurrency:
                    for record in await running.popleft():
                        yield record
            while running:
                for record in await running.popleft():
                    yield record
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def fetch(self, path: str) -> bytes:
        """Get what one of the servers says at a path, such as ``/v2/models``."""
        return (await self._run(self._exchange.steps(path, None)))[1]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._direct.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()

    async def _run(self, work: Generator[Step, Outcome, T]) -> T:
        outcome: Outcome = None
        try:
            while True:
                step = work.send(outcome)
                if isinstance(step, Send):
                    outcome = await self._send(step)
                    continue
                await asyncio.sleep(step.seconds)
                outcome = None
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            work.close()

    async def _send(self, step: Send) -> Outcome:
        if self._direct.is_closed:
            raise Closed("the client was closed")
        try:
            async with asyncio.timeout(step.timeout_s):
                answer = await self._pool(step).request(**self._request(step))
                return Reply(answer.status_code, answer.headers, answer.content)
        except (TimeoutError, self._httpx.TransportError) as error:
            return self._lost(error, step)
