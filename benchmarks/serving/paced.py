"""A client that sends at times drawn beforehand, and does not wait for answers to send more.

    python paced.py PORT PATH BODIES REQUESTS_A_SECOND SECONDS

Arrivals are a Poisson process with a fixed seed. A time runs from the moment a request was meant to
go to the end of its answer, so what this client itself is late counts against the server; how late
it was is printed as well. A request takes a connection that is free, or a new one.
"""

import asyncio
import gc
import json
import random
import re
import selectors
import sys
import time
from pathlib import Path

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
POINTS = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 97, 98, 99, 99.5, 99.9)
PATIENCE_S = 30.0


class Run:
    """What was sent and what came back."""

    def __init__(self) -> None:
        self.free: list[Connection] = []
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.n_failed = 0

    @property
    def n_ended(self) -> int:
        return len(self.latencies) + self.n_failed


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._answer = b""
        self._due: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        self._due, self._answer = due, b""
        self._transport.write(request)
        self._run.late.append(time.perf_counter() - due)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if self._due is None or not end or length is None or len(body) < int(length[1]):
            return
        if head.split(b" ", 2)[1] == b"200":
            self._run.latencies.append(time.perf_counter() - self._due)
        else:
            self._run.n_failed += 1
        self._due = None
        self._run.free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._due is not None:
            self._run.n_failed += 1
            self._due = None
        elif self in self._run.free:
            self._run.free.remove(self)


async def drive(port: int, requests: list[bytes], per_s: float, seconds: float) -> Run:
    """Send for so many seconds, then wait for the last answers."""
    loop = asyncio.get_running_loop()
    run = Run()
    draw = random.Random(7)

    async def connect() -> Connection:
        return (await loop.create_connection(lambda: Connection(run), "127.0.0.1", port))[1]

    async def send(request: bytes, due: float) -> None:
        connection = run.free.pop() if run.free else await connect()
        connection.send(request, due)

    run.free = [await connect() for _ in range(8)]
    began = due = time.perf_counter()
    n_sent, opening = 0, set()
    while due - began < seconds:
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        request = requests[n_sent % len(requests)]
        if run.free:
            run.free.pop().send(request, due)
        else:
            task = loop.create_task(send(request, due))
            opening.add(task)
            task.add_done_callback(opening.discard)
        n_sent += 1
        due += draw.expovariate(per_s)
    until = time.perf_counter() + PATIENCE_S
    while run.n_ended < n_sent and time.perf_counter() < until:
        await asyncio.sleep(0.01)
    run.n_failed += n_sent - run.n_ended
    return run


def main() -> None:
    """Run and print one line."""
    port, path, bodies, per_s, seconds = sys.argv[1:]
    requests = [
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
        for body in Path(bodies).read_bytes().splitlines()
    ]
    gc.disable()
    # The selectors of asyncio's default loop wait whole milliseconds; select() waits exactly.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    run = loop.run_until_complete(drive(int(port), requests, float(per_s), float(seconds)))
    latencies, late = sorted(run.latencies), sorted(run.late)

    def at(values: list[float], point: float) -> float:
        if not values:
            return float("nan")
        return 1000 * values[min(len(values) - 1, int(len(values) * point / 100))]

    result = {
        "n_requests": run.n_ended,
        "seconds": float(seconds),
        "n_failed": run.n_failed,
        "latency_ms": {f"{point:g}": round(at(latencies, point), 4) for point in POINTS},
        "late_ms": round(at(late, 99), 4),
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
