"""A Redis or Valkey server as the cache that several processes share.

Reads:   keys and values
Gives:   what the server has, or nothing where it does not answer at once
Never:   raises, lets a request wait longer than a moment, or asks again while the server is away
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from types import ModuleType
from typing import Any

from sentire.errors import OptionError
from sentire.optional import import_extra

_LOG = logging.getLogger("sentire.cache")

_PREFIX = b"sentire:"
_MAX_CONNECTIONS = 32
_MAX_WRITES = 32
"""Writes under way; more are dropped rather than kept in memory."""
_PROBE_S = 1.0
"""How long a server that was away may take to say that it is back."""


class RedisStore:
    """Values on a server of the Redis protocol.

    The first call that fails or is late opens a circuit: no further call is made until a probe in
    the background was answered.

    Parameters
    ----------
    url : str
        ``redis://``, ``rediss://`` or ``unix://``.
    timeout_s : float
        How long an answer may wait for the server.
    retry_s : float
        Between two probes of a server that is away.
    keep_s : int
        How long the server keeps a value.

    Raises
    ------
    OptionError
        The URL is none.
    MissingExtra
        The client is not installed.
    """

    def __init__(self, url: str, *, timeout_s: float, retry_s: float, keep_s: int) -> None:
        redis: ModuleType = import_extra(
            "redis.asyncio", extra="redis", purpose="A shared cache in Redis or Valkey"
        )
        try:
            pool = redis.BlockingConnectionPool.from_url(
                url,
                max_connections=_MAX_CONNECTIONS,
                timeout=timeout_s,
                socket_connect_timeout=_PROBE_S,
                socket_timeout=_PROBE_S,
            )
        except ValueError:  # its message holds the URL, which may hold a password
            raise OptionError(
                "cache.url is no URL of a Redis or Valkey server. It begins with redis://, "
                "rediss:// (with TLS) or unix://, such as redis://127.0.0.1:6379/0."
            ) from None
        self._client = redis.Redis.from_pool(pool)
        self._timeout_s, self._retry_s, self._keep_s = timeout_s, retry_s, keep_s
        self._away = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._n_writes = 0

    @property
    def away(self) -> bool:
        """Whether the server is not asked at present."""
        return self._away

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of ``keys``; None where there is none, or the server does not answer at once."""
        if self._away or not keys:
            return [None] * len(keys)
        # In a task of its own: the client may take its time to tidy up when it is cancelled.
        asking = asyncio.ensure_future(self._client.mget([_PREFIX + key for key in keys]))
        asking.add_done_callback(_see)
        try:
            values: list[bytes | None] = await asyncio.wait_for(
                asyncio.shield(asking), self._timeout_s
            )
        except BaseException as error:
            asking.cancel()
            if not isinstance(error, Exception):
                raise
            self._give_up(error)
            return [None] * len(keys)
        return values

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep values on the server, without letting anybody wait for it."""
        if self._away or self._n_writes >= _MAX_WRITES:
            return
        self._n_writes += 1
        self._start(self._put(items))

    async def close(self) -> None:
        """End what is under way and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose(close_connection_pool=True)

    async def _put(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        try:
            async with asyncio.timeout(_PROBE_S), self._client.pipeline(transaction=False) as pipe:
                for key, value in items:
                    pipe.set(_PREFIX + key, value, ex=self._keep_s)
                await pipe.execute()
        except Exception as error:
            self._give_up(error)
        finally:
            self._n_writes -= 1

    def _give_up(self, error: Exception) -> None:
        if self._away:
            return
        self._away = True
        _LOG.warning(
            "the shared cache does not answer (%s); the model computes what it would have known",
            type(error).__name__,
        )
        self._start(self._wait_until_back(time.monotonic()))

    async def _wait_until_back(self, since: float) -> None:
        while self._away:
            await asyncio.sleep(self._retry_s)
            self._away = not await self._answers()
        _LOG.info("the shared cache is back after %.1f s", time.monotonic() - since)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE_S):
                # What was connected before the server went is of no use when it is back.
                await self._client.connection_pool.disconnect(inuse_connections=False)
                await self._client.ping()
        except Exception:
            return False
        return True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _see(asking: "asyncio.Future[Any]") -> None:
    """Look at the error of a call that nobody waits for any more."""
    if not asking.cancelled():
        asking.exception()
