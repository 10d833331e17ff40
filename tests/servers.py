"""Real servers on free ports, for tests that talk HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from sentire.service.server import bind, url_of


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve an application from a thread; gives its URL."""
    started = threading.Event()

    class Announcing(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            started.set()

    server = Announcing(
        uvicorn.Config(app, access_log=False, log_config=None, lifespan="off", ws="none")
    )
    with bind("127.0.0.1", 0) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            assert started.wait(30)
            yield url_of(sock)
        finally:
            server.should_exit = True
            thread.join()
