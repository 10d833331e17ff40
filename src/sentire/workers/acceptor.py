"""Takes connections from a socket that several workers share, so that each has as many as others.

The kernel gives a new connection to whoever asks first, and one worker often takes a whole burst of
them. So one that has more than another waits a few milliseconds, in which that one can take it.
"""

import asyncio
import socket
from typing import Any

import uvicorn

from sentire.workers.heartbeats import Heartbeats

_BEAT_S = 0.1
_WAIT_S = 0.001
"""For each connection more than the worker with the fewest has."""
_LONGEST_WAIT_S = 0.005
_FULL_S = 0.1
"""Before another try where the process may open no more files."""


class Acceptor:
    """Takes connections until it is closed; has the methods of :class:`asyncio.Server` for that.

    Parameters
    ----------
    server : uvicorn.Server
        Its lifespan has begun.
    sock : socket
        Bound.
    heartbeats : Heartbeats
    number : int
        Of this worker.
    """

    def __init__(
        self, server: uvicorn.Server, sock: socket.socket, *, heartbeats: Heartbeats, number: int
    ) -> None:
        sock.setblocking(False)
        sock.listen(server.config.backlog)
        self._server, self._sock = server, sock
        self._heartbeats, self._number = heartbeats, number
        self._is_closed, self._loop = False, asyncio.get_running_loop()
        self._accepting = asyncio.create_task(self._accept())
        self._beating = asyncio.create_task(self._beat_on())

    def close(self) -> None:
        """Take no more; the socket may be closed from now on."""
        self._is_closed = True
        self._loop.remove_reader(self._sock)
        self._accepting.cancel()

    async def wait_closed(self) -> None:
        """Wait until it takes no more. The heart beats until then: to drain is not to hang."""
        await asyncio.wait([self._accepting])
        self._beating.cancel()

    async def _beat_on(self) -> None:
        # A worker that would take no connection any more falls silent, and is replaced.
        while self._is_closed or not self._accepting.done():
            self._beat()
            await asyncio.sleep(_BEAT_S)

    def _beat(self) -> int:
        return self._heartbeats.beat(self._number, len(self._server.server_state.connections))

    async def _accept(self) -> None:
        while True:
            comes = asyncio.Event()
            self._loop.add_reader(self._sock, comes.set)
            await comes.wait()
            self._loop.remove_reader(self._sock)
            if surplus := self._beat():
                await asyncio.sleep(min(_LONGEST_WAIT_S, _WAIT_S * surplus))
            try:
                connection, _ = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                continue  # another worker was faster, or the client has left
            except OSError:
                await asyncio.sleep(_FULL_S)
                continue
            await asyncio.shield(self._hand_over(connection))
            self._beat()

    async def _hand_over(self, connection: socket.socket) -> None:
        """Give a connection to uvicorn; not to be cancelled, or its protocol is never told."""
        connection.setblocking(False)
        try:
            _, protocol = await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # the client has left meanwhile
            connection.close()
            return
        if self._is_closed:
            protocol.shutdown()  # as uvicorn has told those that it knew

    def _protocol(self) -> Any:
        config, state = self._server.config, self._server.server_state
        make: Any = config.http_protocol_class
        return make(config=config, server_state=state, app_state=self._server.lifespan.state)
