"""How long the texts of requests wait for the model in this replica.

Reads:   ``Server-Timing`` in the heads of answers
Gives:   the median since it was last asked
Never:   changes an answer
"""

import re
from collections import deque
from statistics import median

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_QUEUE_MS = re.compile(rb"\bqueue;dur=([\d.]+)")
_KEPT = 4096
"""Of the latest requests; more between two questions would change no median by much."""


class QueueWait:
    """ASGI middleware.

    The median, because one request with many texts waits for itself, wherever it runs. Answers from
    the cache did not wait for the model and don't count.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._waits_ms: deque[float] = deque(maxlen=_KEPT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""

        async def send_seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._see(message)
            await send(message)

        await self._app(scope, receive, send_seen)

    def take_ms(self) -> float:
        """Median wait since the last call, in milliseconds; 0 where no request needed the model."""
        found = median(self._waits_ms) if self._waits_ms else 0.0
        self._waits_ms.clear()
        return found

    def _see(self, message: Message) -> None:
        for name, value in message.get("headers", ()):
            if name == b"server-timing" and (found := _QUEUE_MS.search(value)):
                self._waits_ms.append(float(found[1]))
