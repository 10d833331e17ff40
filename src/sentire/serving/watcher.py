"""Looks at files that may change while a server runs, again and again.

Reads:   the clock
Gives:   the moments at which models and keys look at their files
Never:   blocks a request: it has threads of its own
"""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_LOG = logging.getLogger("sentire.models")

_END_S = 5.0
"""A server that ends does not wait longer for a registry that does not answer."""


class Watcher:
    """Calls functions at intervals, in ``with``.

    Looking at a few files each second costs microseconds, and works where notices of changes don't
    arrive: network file systems, and the folders that Kubernetes exchanges as a whole. Each
    function has its own thread, so that none waits while another pulls a model from a registry.

    Parameters
    ----------
    *follow : functions
        Look at their files, and take what is new. One that raises is logged and called again: its
        trouble ends neither itself nor the others.
    every_s : float
        Seconds between two looks; 0 never looks.
    """

    def __init__(self, *follow: Callable[[], None], every_s: float) -> None:
        self._every_s = every_s
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(each,), name="sentire-watcher", daemon=True)
            for each in follow
        ]

    def __enter__(self) -> Self:
        if self._every_s > 0:
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_END_S)

    def _watch(self, follow: Callable[[], None]) -> None:
        failed: type[Exception] | None = None
        while not self._stop.wait(self._every_s):
            try:
                follow()
            except Exception as error:
                if type(error) is not failed:  # once until it changes, not at each look
                    _LOG.exception("looking for what has changed failed; it is tried again")
                failed = type(error)
            else:
                failed = None
