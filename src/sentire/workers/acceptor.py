"""Takes connections from a socket that several workers share, so that each has as many as others.

The kernel gives a new connection to whoever asks first, and one worker often takes a whole burst of
them. So one that has more than another waits a few milliseconds, in which that one can take it.
"""

import asyncio
import signal
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
        self._beating = asyncio.create_task(self._beat())
        self._accepting = asyncio.create_task(self._accept())
        self._accepting.add_done_callback(_end_with)

    def close(self) -> None:
        """Take no more; the socket may be closed from now on."""
        self._is_closed = True
        self._loop.remove_reader(self._sock)
        self._accepting.cancel()

    async def wait_closed(self) -> None:
        """Wait until it takes no more. The heart beats until then: to drain is not to hang."""
        await asyncio.wait([self._accepting])
        self._beating.cancel()

    async def _beat(self) -> None:
        while True:
            self._heartbeats.beat(self._number, self._n_connections())
            await asyncio.sleep(_BEAT_S)

    async def _accept(self) -> None:
        while True:
            comes = asyncio.Event()
            self._loop.add_reader(self._sock, comes.set)
            await comes.wait()
            self._loop.remove_reader(self._sock)
            surplus = self._heartbeats.surplus(self._number, self._n_connections())
            if surplus:
                await asyncio.sleep(min(_LONGEST_WAIT_S, _WAIT_S * surplus))
            try:
                connection, _ = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                continue  # another worker was faster, or the client has left
            except OSError:
                await asyncio.sleep(_FULL_S)
                continue
            await asyncio.shield(self._hand_over(connection))
            self._heartbeats.beat(self._number, self._n_connections())

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

    def _n_connections(self) -> int:
        return len(self._server.server_state.connections)


def _end_with(task: asyncio.Task[None]) -> None:
    """End a worker that would take no connection any more; another one takes its place."""
    if not task.cancelled() and task.exception() is not None:
        signal.raise_signal(signal.SIGTERM)
