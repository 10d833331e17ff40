"""How long a request is worth answering: until its deadline, and while its caller is there.

Reads:   ``X-Request-Timeout``; whether the connection is still open
Gives:   the cancellation of a request that is late or abandoned, so that it costs no inference
Never:   ends a request whose answer has begun
"""

import asyncio
import math

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentire.web.problems import ProblemError

TIMEOUT_HEADER = "X-Request-Timeout"

_UNWATCHED_S = 0.05
"""Most requests are answered sooner, and then watching their connection would only cost."""


class DeadlineMiddleware:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through.

        Raises
        ------
        ProblemError
            The deadline is no number of seconds, or has passed.
        ClientDisconnect
            The caller left.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        timeout_s = _timeout_of(Headers(scope=scope).get(TIMEOUT_HEADER))
        watch = _Watch(receive)

        async def send_watched(message: Message) -> None:
            watch.end()
            await send(message)

        try:
            if timeout_s is None:
                await self._app(scope, watch.receive, send_watched)
            else:
                await self._within(timeout_s, scope, watch.receive, send_watched)
        except asyncio.CancelledError:
            if watch.found_gone:
                raise ClientDisconnect from None
            raise
        finally:
            watch.end()

    async def _within(self, timeout_s: float, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(timeout_s) as limit:
                await self._app(scope, receive, send)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ProblemError(
                503,
                "timed_out",
                f"The answer was not ready within the {timeout_s:g} s of {TIMEOUT_HEADER}.",
                {"Retry-After": "1"},
            ) from None


def _timeout_of(written: str | None) -> float | None:
    if written is None:
        return None
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ProblemError(
            400,
            "invalid_timeout",
            f"{TIMEOUT_HEADER} is {written[:40]!r}. Send a number of seconds above 0, such as 2.5.",
        )
    return seconds


class _Watch:
    """Cancels the task it was made in when the connection ends before the answer begins."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._timer: asyncio.TimerHandle | None = None
        self._look: asyncio.Task[None] | None = None
        self._ended = False
        self.found_gone = False

    async def receive(self) -> Message:
        """Receive for the application; behind its body only the end of the connection can come."""
        message = await self._receive()
        whole = message["type"] == "http.request" and not message.get("more_body", False)
        if whole and not self._ended and self._timer is None:
            task = asyncio.current_task()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_UNWATCHED_S, self._begin, loop, task)
        return message

    def end(self) -> None:
        """Look no longer."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _begin(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            self._look = loop.create_task(self._until_gone(task))

    async def _until_gone(self, task: asyncio.Task[None]) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._ended:
            self.found_gone = True
            task.cancel()
