"""Takes connections from a socket that several workers share, so that each has as many as others.

The kernel gives a new connection to whoever asks first, and one worker often takes a whole burst
of them: of 64 clients that keep their connection, none was left for the other. So a worker that has
more than another waits a few milliseconds, in which that one can take it.

Reads:   how many connections every worker has, from memory that they share
Gives:   connections to uvicorn
Never:   waits for a worker that is away or hangs: what it said is too old then
"""

import asyncio
import logging
import mmap
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from sentire.service.peers import Peers
from sentire.service.protocol import BoundedProtocol

_LOG = logging.getLogger("sentire.workers")

_ENTRY = struct.Struct("dd")
"""Connections of a worker, and when it said so on the clock of the machine, in seconds."""
_FRESH_S = 1.0
_WAIT_S = 0.001
"""For each connection more than the worker with the fewest has."""
_LONGEST_WAIT_S = 0.005
_FULL_S = 0.1
"""Before another try where the process may open no more files."""


class Loads:
    """How many connections every worker has.

    Parameters
    ----------
    peers : Peers
    clock : function
        Seconds, the same for all processes.
    """

    def __init__(self, peers: Peers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._number = peers.number
        self._n_workers = peers.n_workers
        self._clock = clock
        size = _ENTRY.size * peers.n_workers
        file = os.open(Path(peers.folder) / "connections", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(file, size)
            self._memory = mmap.mmap(file, size)
        finally:
            os.close(file)

    def tell(self, n_connections: int) -> None:
        """Say how many this worker has; it counts for a second."""
        at = _ENTRY.size * (self._number - 1)
        _ENTRY.pack_into(self._memory, at, n_connections, self._clock())

    def ahead(self, n_connections: int) -> int:
        """How many more this worker has than the one with the fewest."""
        oldest = self._clock() - _FRESH_S
        entries = enumerate(_ENTRY.iter_unpack(self._memory[:]), 1)
        fewest = (int(n) for worker, (n, at) in entries if worker != self._number and at > oldest)
        return max(0, n_connections - min(fewest, default=n_connections))


class Acceptor:
    """Takes connections until it is closed; has the methods of :class:`asyncio.Server` for that.

    Parameters
    ----------
    sock : socket
        Bound.
    backlog : int
    make : function
        Makes a connection's protocol, one of uvicorn's.
    count : function
        How many connections this worker has.
    loads : Loads
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        backlog: int,
        make: Callable[[], BoundedProtocol],
        count: Callable[[], int],
        loads: Loads,
    ) -> None:
        sock.setblocking(False)
        sock.listen(backlog)
        self._sock = sock
        self._make = make
        self._count = count
        self._loads = loads
        self._is_closed = self._is_handing_over = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._accept())
        self._task.add_done_callback(_end_with)

    def close(self) -> None:
        """Take no more; the socket may be closed from now on."""
        self._is_closed = True
        self._loop.remove_reader(self._sock)
        if not self._is_handing_over:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Wait until it takes no more."""
        await asyncio.wait([self._task])

    async def _accept(self) -> None:
        while not self._is_closed:
            await self._one_waits()
            ahead = self._loads.ahead(self._count())
            if ahead:
                await asyncio.sleep(min(_LONGEST_WAIT_S, _WAIT_S * ahead))
            try:
                connection, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                continue  # another worker was faster, or the client has left
            except OSError:
                await asyncio.sleep(_FULL_S)
                continue
            await self._hand_over(connection)
            self._loads.tell(self._count())

    async def _hand_over(self, connection: socket.socket) -> None:
        """Give a connection to uvicorn; not to be cancelled, or its protocol is never told."""
        self._is_handing_over = True
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, protocol = await self._loop.connect_accepted_socket(self._make, connection)
            if self._is_closed:
                protocol.shutdown()  # as uvicorn has told those that it knew
        except OSError:  # the client has left meanwhile
            connection.close()
        finally:
            self._is_handing_over = False

    async def _one_waits(self) -> None:
        waits = asyncio.Event()
        self._loop.add_reader(self._sock, waits.set)
        await waits.wait()
        self._loop.remove_reader(self._sock)


def _end_with(task: asyncio.Task[None]) -> None:
    """End a worker that would take no connection any more; another one takes its place."""
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("taking connections failed: %s", type(task.exception()).__name__)
        signal.raise_signal(signal.SIGTERM)
