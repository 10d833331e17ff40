"""The addresses behind the names of model services.

A name may stand for many replicas, as a headless service of Kubernetes does. Connections are kept,
so whoever divides connections and not requests would leave a new replica without work. The gateway
divides requests; for that it has to know every replica.

Reads:   URLs, and the system's resolver
Gives:   the URLs to ask, and the name to ask each by
Never:   divides ``https``, whose certificates are for names; or names with one address
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sentire.poller import Poller

Lookup = Callable[..., Sequence[tuple[Any, ...]]]
"""What :func:`socket.getaddrinfo` is."""
_WITHIN_S = 1.0
"""For all names together. The system's resolver itself may take ten seconds or more for one."""


class Addresses:
    """What some URLs stand for, looked up again and again.

    Parameters
    ----------
    urls : sequence of str
    lookup : function
    """

    def __init__(self, urls: Sequence[str], *, lookup: Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._poller: Poller[dict[str, str | None]] = Poller(within_s=_WITHIN_S)
        self._found: dict[str, dict[str, str | None]] = {url: {url: None} for url in urls}

    def resolve(self) -> Mapping[str, str | None]:
        """URLs to ask -> what ``Host`` is to say, where it is not in the URL.

        A name that is not found at the moment, or not in time, keeps the addresses that it had.
        """
        asked = {url: partial(self._behind, url) for url in self._found}
        for url, answer in self._poller.ask(asked).items():
            # UnicodeError is what Python says of a name that no resolver can hold.
            with suppress(OSError, UnicodeError, TimeoutError):
                self._found[url] = answer.result(timeout=0)
        return {url: host for found in self._found.values() for url, host in found.items()}

    def _behind(self, url: str) -> dict[str, str | None]:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            return {url: None}
        port = parts.port or 80
        infos = self._lookup(parts.hostname, port, type=socket.SOCK_STREAM)
        # A replica may have an address of either kind; it is one replica.
        hosts = {f"{info[4][0]}" for info in infos if info[0] == socket.AF_INET}
        hosts = hosts or {f"[{info[4][0]}]" for info in infos if info[0] == socket.AF_INET6}
        if len(hosts) < 2:
            return {url: None}
        return {f"http://{host}:{port}{parts.path}": parts.netloc for host in sorted(hosts)}
