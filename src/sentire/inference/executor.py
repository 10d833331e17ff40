"""Run beside the event loop what would block it.

Reads:   work for one thread
Gives:   its results, on the event loop
Never:   lets one client's work keep another's waiting for more than a piece of it
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from sentire.errors import Closed, Unavailable
from sentire.inference.forks import ThreadOwner
from sentire.request_context import Client

T = TypeVar("T")


class _Turn:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.n_users = 0


class TextExecutor(ThreadOwner):
    """One thread, whose work is done as it came; of each client at most one piece waits for it.

    So what is handed over in small pieces is done by turns where clients are told apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sentire-text")
        self._turns: dict[tuple[asyncio.AbstractEventLoop, Client], _Turn] = {}

    async def run(self, work: Callable[..., T], *arguments: object, client: Client = None) -> T:
        """Run some work on the thread.

        Parameters
        ----------
        work : function
        *arguments : object
            What it is called with.
        client : hashable or None
            For whom it is; None waits for no turn.

        Raises
        ------
        Closed
            The thread was ended, or this process was forked from the one that has it.
        Unavailable
            The thread can't be started.
        """
        self.check_process()
        if client is None:
            return await self._submit(work, *arguments)
        async with self._turn(client):
            return await self._submit(work, *arguments)

    def close(self) -> None:
        """End the thread, when what waits for it is done."""
        if self.is_inherited:
            return
        self._is_closed = True
        self._thread.shutdown()

    async def _submit(self, work: Callable[..., T], *arguments: object) -> T:
        try:
            working = asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except RuntimeError as error:  # the executor's word for either
            if self._is_closed:
                raise Closed("the analyzer was closed") from None
            raise Unavailable(f"texts can't be prepared now: {error}") from None
        return await working

    @asynccontextmanager
    async def _turn(self, client: Client) -> AsyncIterator[None]:
        key = (asyncio.get_running_loop(), client)
        turn = self._turns.setdefault(key, _Turn())
        turn.n_users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.n_users -= 1
            if not turn.n_users:
                del self._turns[key]
