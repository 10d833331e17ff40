"""A client that costs next to nothing, for tests that load a server from their own process."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: Any

    def ms(self, name: str) -> float:
        """A figure of ``Server-Timing``."""
        parts = (part.partition(";dur=") for part in self.headers["server-timing"].split(", "))
        return next(float(value) for found, _, value in parts if found == name)


class Line:
    """One connection that stays open; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def post(self, path: str, body: object, **headers: str) -> Answer:
        """Send JSON; headers are written with ``_`` for ``-``."""
        content = json.dumps(body).encode()
        given = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{given}"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        first, *rest = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        pairs = (line.partition(":") for line in rest if line)
        found = {name.lower(): value.strip() for name, _, value in pairs}
        answer = await self._reader.readexactly(int(found["content-length"]))
        return Answer(int(first.split()[1]), found, json.loads(answer))


@asynccontextmanager
async def lines_to(url: str, n: int):
    """Open ``n`` connections to a server."""
    at = urlsplit(url)
    lines = [await asyncio.open_connection(at.hostname, at.port) for _ in range(n)]
    try:
        yield [Line(*line) for line in lines]
    finally:
        for _, writer in lines:
            writer.close()
            await writer.wait_closed()
