"""Load a model in a process of its own, as a server does, and tell how it fared.

What a model can do to its process, such as an illegal instruction or an end for want of memory,
then happens to that process alone, and is told.

Reads:   a bundle's folder, an engine, a number of threads
Gives:   time, memory, or the error or signal that ended it
Never:   leaves the process behind
"""

import signal
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import get_args

import msgspec
import psutil

from sentire.errors import SentireError
from sentire.service.settings import Settings
from sentire.serving.factory import open_model
from sentire.types import Engine

_LIMIT_S = 120.0
_OUT_OF_MEMORY = ("bad_alloc", "MemoryError", "alloc", "memory", "failed to map segment")


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How a model fared."""

    seconds: float = 0.0
    """Until it was verified, loaded, self-tested and warm."""
    rss: int | None = None
    """Bytes that the process held then; None where it came to nothing."""
    engine: str = ""
    error: str = ""
    kind: str = ""
    """Name of the exception, or of the signal."""

    @property
    def is_out_of_memory(self) -> bool:
        """Whether what it says is what a want of memory looks like."""
        if self.kind == "SIGKILL":
            return True  # nobody else sends it to a process that is a second old
        return bool(self.error) and any(word in self.error for word in _OUT_OF_MEMORY)

    @property
    def lacks_thread(self) -> bool:
        """Whether a thread could not start: for want of addresses, or of the number allowed."""
        return "can't start new thread" in self.error


@lru_cache
def attempt(path: Path, engine: str, threads: int | None) -> Trial:
    """Try a model once; asked again, the same answer comes at once.

    Parameters
    ----------
    path : Path
        Folder of a bundle.
    engine : str
        One of :data:`~sentire.types.Engine`.
    threads : int, optional
        CPUs to use; None is all that the process may use.
    """
    command = [sys.executable, "-P", "-m", "sentire.doctor.trial", str(path), engine]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [*command, str(threads or "")],
            capture_output=True,
            check=False,
            timeout=_LIMIT_S,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Trial(kind="TimeoutExpired", error=f"was not loaded after {_LIMIT_S:g} s")
    if done.returncode == 0:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Trial)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return Trial(kind=name, error=f"its process was ended by {name}. {last}".strip())
    return Trial(kind="exit", error=f"its process ended with {done.returncode}: {last}")


def main(path: str, engine: str, threads: str) -> Trial:
    """Load a model in this process and say what it took.

    Parameters
    ----------
    path : str
        Folder of a bundle.
    engine : str
        One of :data:`~sentire.types.Engine`.
    threads : str
        CPUs to use, as digits; empty for all that the process may use.
    """
    began = time.perf_counter()
    chosen = next(each for each in get_args(Engine) if each == engine)
    settings = Settings(engine=chosen, threads=int(threads) if threads else None)
    try:
        analyzer = open_model(Path(path), settings=settings, max_waiting=settings.limits.queue)
    except SentireError as error:
        return Trial(kind=type(error).__name__, error=str(error))
    except MemoryError:
        return Trial(kind="MemoryError", error="MemoryError: the memory is used up")
    seconds = time.perf_counter() - began
    trial = Trial(seconds=seconds, rss=psutil.Process().memory_info().rss, engine=analyzer.engine)
    analyzer.close()
    return trial


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(main(*sys.argv[1:4])).decode() + "\n")
