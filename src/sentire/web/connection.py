"""HTTP for clients that are slow on purpose or by fault.

uvicorn bounds neither the time nor the size of a request's head, nor the time an answer waits to be
read: a few hundred such connections would hold the server's memory for ever.

Reads:   what a connection sends, and when
Gives:   the same to uvicorn; the end of a connection that is too slow or sends too long a head
Never:   touches a request that is being answered
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sentire.web.settings import Limits

MAX_HEAD_BYTES = 64 * 1024
"""Request line and header fields; what nginx and h11 allow is below."""


def protocol_with(limits: Limits) -> Callable[..., asyncio.Protocol]:
    """Make what uvicorn calls for each connection."""

    def make(*args: Any, **kwargs: Any) -> "BoundedProtocol":
        return BoundedProtocol(*args, limits=limits, **kwargs)

    return make


class BoundedProtocol(HttpToolsProtocol):
    """A connection.

    Parameters
    ----------
    limits : Limits
        ``head_s`` for a request's head, ``request_s`` for reading an answer.
    *args, **kwargs : uvicorn's
    """

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._in_head = True
        self._began = self._began_here = False
        self._n_head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head from now on."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._head_arrived()
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Count a new head; what came with its beginning may be the end of a body."""
        self._in_head = self._began = self._began_here = True
        self._n_head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Let the request through."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; most heads arrive in one piece, and need no timer."""
        self._began_here = False
        super().data_received(data)
        if not self._in_head:
            self._head_arrived()
            return
        self._n_head_bytes += 0 if self._began_here else len(data)
        if self._n_head_bytes > MAX_HEAD_BYTES:
            self._end(b"431 Request Header Fields Too Large")
        elif self._head_timer is None:
            self._wait_for_head()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self._limits.request_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on; the client reads."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(
            self._limits.head_s, self._end, b"408 Request Timeout"
        )

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end(self, status: bytes) -> None:
        self._head_arrived()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # the request before this head is still being answered
        elif not self._began:
            self.transport.close()  # a 408 would be read as the answer to a request just sent
        elif not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()
