"""A real server on a free port of this machine, and a load on it.

Reads:   a bundle's folder, texts
Gives:   how long answers took, what they cost the server
Never:   leaves the server behind
"""

import asyncio
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

from sentire.errors import ServiceFailed

_START_S = 60.0
_N_LONE, _N_WARM, _N_BUSY = 200, 200, 800
"""Requests. A count rather than a time, so that a machine with other work measures as well."""
_PAUSE_S = 0.01
_CALLERS = 16
_SEED = 1

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class RunningServer(NamedTuple):
    """A server that was started here."""

    url: str
    process: psutil.Process


class Busy(NamedTuple):
    """What a server did while many asked it."""

    cpu_s: float
    """CPU seconds for each text."""
    batch: float
    """Texts that ran together in the mean."""
    memory: int
    """Bytes at the end."""


@contextmanager
def serving(path: Path, *, engine: str, threads: int = 1) -> Iterator[RunningServer]:
    """Start ``sentire serve-model`` without a cache of answers; it is ended at the end.

    Parameters
    ----------
    path : Path
        Folder of a bundle.
    engine : str
        One of :data:`~sentire.types.Engine`.
    threads : int
        CPUs that the server may use.

    Raises
    ------
    ServiceFailed
        It does not start; the reason holds its last line.
    """
    # A file beside which this is started must not pass for a module of Python's.
    command = [sys.executable, "-P", "-m", "sentire", "serve-model", "--model", str(path)]
    options = ["--port", "0", "--engine", engine, "--threads", str(threads)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENTIRE_")}
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*command, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**kept, "SENTIRE_CACHE_BYTES": "0"},
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    lines: list[str] = []
    ready = threading.Event()

    def read() -> None:
        for text in process.stderr or ():
            if not ready.is_set():
                lines.append(text)
            if text.startswith("Stop it"):
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        ready.wait(_START_S)
        found = re.search(r"http://[\w.:\[\]]+", "".join(lines))
        if found is None or not ready.is_set():
            raise ServiceFailed("127.0.0.1", f"does not start: {(lines or ['?'])[-1].strip()}")
        yield RunningServer(found[0], psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()
        reader.join(1)
        if process.stderr is not None:
            process.stderr.close()


class Load:
    """Callers of one server.

    Parameters
    ----------
    server : RunningServer
    texts : one goes into each request
    """

    def __init__(self, server: RunningServer, texts: Sequence[str]) -> None:
        self._process = server.process
        at = urlsplit(server.url)
        self._host, self._port = at.hostname or "", at.port or 80
        self._requests = [self._request(text) for text in texts]

    def lone(self) -> list[float]:
        """Ask one after the other, with pauses; gives how long each took, in seconds.

        Without pauses each would find the processor's caches as the last one left them, and
        threads that are awake: half the time that a text takes that comes by itself.
        """
        return asyncio.run(self._callers(1, _N_LONE, pause_s=_PAUSE_S))

    def busy(self) -> Busy:
        """Ask with many callers at once, each for the next text as soon as it has an answer."""
        asyncio.run(self._callers(_CALLERS, _N_WARM))  # kernels of all batches are made now
        before, (runs, rows) = self._cpu_s(), asyncio.run(self._counted())
        n_texts = len(asyncio.run(self._callers(_CALLERS, _N_BUSY)))
        runs_after, rows_after = asyncio.run(self._counted())
        return Busy(
            cpu_s=(self._cpu_s() - before) / n_texts,
            batch=(rows_after - rows) / max(1.0, runs_after - runs),
            memory=int(self._process.memory_info().rss),
        )

    def poisson(self, rate: float, seconds: float) -> list[float]:
        """Ask at random moments, whether or not answers came; gives how long each took.

        Parameters
        ----------
        rate : requests a second in the mean
        seconds : for how long new ones come
        """
        return asyncio.run(self._arrivals(rate, seconds))

    async def _callers(
        self, n_callers: int, n_requests: int, *, pause_s: float = 0.0
    ) -> list[float]:
        took: list[float] = []
        numbers = iter(range(n_requests))

        async def call() -> None:
            connection = await asyncio.open_connection(self._host, self._port)
            for number in numbers:
                await asyncio.sleep(pause_s)
                began = time.perf_counter()
                await self._ask(connection, number)
                took.append(time.perf_counter() - began)
            connection[1].close()

        await asyncio.gather(*(call() for _ in range(n_callers)))
        return took

    async def _arrivals(self, rate: float, seconds: float) -> list[float]:
        chance = random.Random(_SEED)  # noqa: S311 - not for secrets
        idle: list[Connection] = []
        took: list[float] = []

        async def call(number: int, planned: float) -> None:
            if idle:
                connection = idle.pop()
            else:
                connection = await asyncio.open_connection(self._host, self._port)
            await self._ask(connection, number)
            took.append(time.perf_counter() - planned)
            idle.append(connection)

        calls, at, number = [], time.perf_counter(), 0
        end = at + seconds
        while (at := at + chance.expovariate(rate)) < end:
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            calls.append(asyncio.create_task(call(number, at)))
            number += 1
        await asyncio.gather(*calls)
        for _, writer in idle:
            writer.close()
        return took

    async def _ask(self, connection: Connection, number: int) -> None:
        reader, writer = connection
        writer.write(self._requests[number % len(self._requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        if not head.startswith(b"HTTP/1.1 200"):
            raise ServiceFailed(self._host, f"answers {head.split(b' ', 2)[1].decode()}")

    async def _counted(self) -> tuple[float, float]:
        """Runs of the model so far, and rows in them."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        page = (await reader.read()).decode()
        writer.close()
        return tuple(  # type: ignore[return-value]
            sum(map(float, re.findall(rf"^sentire_batch_rows_{kind}{{.*}} (\S+)", page, re.M)))
            for kind in ("count", "sum")
        )

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    @staticmethod
    def _request(text: str) -> bytes:
        body = json.dumps({"text": text}).encode()
        return (
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
