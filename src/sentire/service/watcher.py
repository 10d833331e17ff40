"""Looks at files that may change while a server runs, again and again.

Reads:   the clock
Gives:   the moments at which models and keys look at their files
Never:   blocks a request: it is a thread of its own
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Watcher:
    """Calls functions at intervals, in ``with``.

    Looking at a few files each second costs microseconds, and works where notices of changes don't
    arrive: network file systems, and the folders that Kubernetes exchanges as a whole.

    Parameters
    ----------
    *follow : functions
        Look at their files, and take what is new; they don't raise.
    every_s : float
        Seconds between two looks; 0 never looks.
    """

    def __init__(self, *follow: Callable[[], None], every_s: float) -> None:
        self._follow = follow
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sentire-watcher", daemon=True)

    def __enter__(self) -> Self:
        if self._every_s > 0:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            for follow in self._follow:
                follow()
