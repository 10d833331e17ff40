"""How many connections each worker has, and when it last said so, in memory that all share.

Each writes its own entry; the supervisor clears that of one that has ended.
"""

import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path

_ENTRY = struct.Struct("dd")
"""Connections; when they were told, in seconds on the clock of the machine, or 0 for nobody."""
_FRESH_S = 1.0
"""Who has said nothing for so long is away or hangs."""


class Heartbeats:
    """One entry for each worker of a server.

    Parameters
    ----------
    folder : Path
        Of these workers.
    n_workers : int
        Their numbers begin at 1.
    clock : function
        Seconds, the same for all processes.
    """

    def __init__(
        self, folder: Path, n_workers: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        with (folder / "heartbeats").open("a+b") as file:
            file.truncate(_ENTRY.size * n_workers)
            self._memory = mmap.mmap(file.fileno(), 0)

    def beat(self, number: int, n_connections: int) -> int:
        """Say how many connections a worker has; gives how many more than the one with fewest."""
        self._write(number, n_connections, self._clock())
        oldest = self._clock() - _FRESH_S
        fewest = min(n for n, at in _ENTRY.iter_unpack(self._memory[:]) if at > oldest)
        return n_connections - int(fewest)

    def clear(self, number: int) -> None:
        """Say that a worker has ended."""
        self._write(number, 0, 0.0)

    def serving(self, *, fresh: bool = False) -> dict[int, float]:
        """When each worker that serves said something last; ``fresh`` leaves out who may hang."""
        oldest = self._clock() - _FRESH_S if fresh else 0.0
        entries = enumerate(_ENTRY.iter_unpack(self._memory[:]), 1)
        return {number: at for number, (_, at) in entries if at > oldest}

    def _write(self, number: int, n_connections: int, at: float) -> None:
        # Not with pack_into, which writes zeros first: who reads just then would see nobody.
        self._memory[_ENTRY.size * (number - 1) : _ENTRY.size * number] = _ENTRY.pack(
            n_connections, at
        )
