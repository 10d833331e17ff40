"""Real servers on free ports, for tests that talk HTTP."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from processes import start
from sentire.service.settings import Settings
from sentire.web.server import bind, configuration, url_of


@contextmanager
def running(
    app: ASGIApp, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve an application from a thread, as the commands do; gives its URL."""
    started = threading.Event()

    class Announcing(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            started.set()

    settings = settings or Settings()
    server = Announcing(configuration(app, settings.server, settings.limits))
    with bind(host, port) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            assert started.wait(30)
            yield url_of(sock)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serving(
    command: str, *options: object, before: Sequence[str] = (), **env: str
) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """Run ``sentire serve`` or ``serve-model`` as a process; it is killed at the end.

    ``before`` are words in front of the command. Gives the process, its URL and the lines it has
    written to stderr so far.
    """
    process = start(
        [
            *before,
            Path(sys.executable).with_name("sentire"),
            command,
            "--port",
            "0",
            *map(str, options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    lines, ready = [], threading.Event()

    def read() -> None:
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Stop it"):
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(60)
        urls = [word for line in lines for word in line.split() if word.startswith("http://")]
        assert urls, lines
        url = urls[0].rstrip("/").removesuffix("/docs")
        yield process, url, lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        process.stderr.close()
