"""Bind a port, run an application on it with uvicorn, end it in good order.

Reads:   host, port, application
Gives:   a running server until SIGINT or SIGTERM
Never:   prints; the caller is told when the server is ready
"""

import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from sentire.errors import OptionError
from sentire.memory import gc_freeze
from sentire.web.connection import protocol_with
from sentire.web.settings import Limits, ServerSettings

Accept = Callable[[uvicorn.Server, socket.socket], Any]
"""Begins to take connections for a server; gives what has the methods of asyncio's."""


def bind(host: str, port: int) -> socket.socket:
    """Take a port without listening yet, so that a port in use shows before a model is loaded.

    Parameters
    ----------
    host : address or name of this machine
    port : 0 takes a free one

    Raises
    ------
    OptionError
        The port is in use or not permitted, or the host is not this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise OptionError(
            f"host {host!r} is no address and no name that resolves to one. "
            "Use 127.0.0.1 for this machine only, 0.0.0.0 for every network it is on."
        ) from None
    # "localhost" may mean ::1 first, while most people then type 127.0.0.1.
    family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _why_not(error, host, port) from None
    return sock


def _why_not(error: OSError, host: str, port: int) -> OptionError:
    if error.errno == errno.EADDRINUSE:
        return OptionError(
            f"port {port} on {host} is in use. Stop the program that holds it, "
            f"or choose another port, such as --port {port + 1 if port < 65535 else 8080}."
        )
    if error.errno == errno.EACCES:
        return OptionError(
            f"port {port} on {host} is not permitted to this user. "
            "Choose one from 1024, such as --port 8080."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return OptionError(
            f"host {host} is not an address of this machine. "
            "Use 127.0.0.1 for this machine only, 0.0.0.0 for every network it is on."
        )
    return OptionError(f"port {port} on {host} can't be used: {error.strerror}.")


def url_of(sock: socket.socket) -> str:
    """URL under which this machine reaches a bound socket."""
    host, port = sock.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_public(sock: socket.socket) -> bool:
    """Whether other machines may reach a bound socket."""
    return not ipaddress.ip_address(sock.getsockname()[0].partition("%")[0]).is_loopback


def configuration(app: ASGIApp, server: ServerSettings, limits: Limits) -> uvicorn.Config:
    """Say how uvicorn serves an application.

    Parameters
    ----------
    app : ASGI application
    server : ServerSettings
    limits : Limits
    """
    return uvicorn.Config(
        app,
        http=protocol_with(limits),  # type: ignore[arg-type]
        access_log=False,  # AccessLogMiddleware writes one without query strings
        log_config=None,
        lifespan="on",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=server.shutdown_s,
    )


def run(
    app: ASGIApp,
    sock: socket.socket,
    settings: ServerSettings,
    limits: Limits,
    *,
    on_ready: Callable[[], None],
    accept: Accept | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; then answer what is under way and return.

    uvicorn hands the signal on to the handler that stood before, which decides how the process
    ends.

    Parameters
    ----------
    app : ASGI application
    sock : from :func:`bind`
    settings : ServerSettings
    limits : Limits
    on_ready : function
        Called once connections are taken.
    accept : function, optional
        Takes connections in uvicorn's place, where several processes share the socket.

    Raises
    ------
    OptionError
        Another program took the port in the meantime.
    """
    server = _Server(configuration(app, settings, limits), on_ready, accept)
    try:
        server.run(sockets=[sock])
    except OSError as error:
        host, port = sock.getsockname()[:2]
        raise _why_not(error, host, port) from None


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], accept: Accept | None
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._accept = accept

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals as uvicorn does, but leave a SIGINT ignored that was."""
        is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        with super().capture_signals():
            if is_ignored and threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._accept is None:
            await super().startup(sockets)
        else:
            await super().startup([])
            self.servers = [self._accept(self, sock) for sock in sockets or []]
        if self.started:
            gc_freeze()
            self._on_ready()
