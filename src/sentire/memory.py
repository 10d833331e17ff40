"""Memory of a process that serves for long: what is freed goes back, what stays is not searched.

**Freed memory** goes back to the machine, where the C library is glibc; elsewhere nothing happens.
A version of a model that is replaced frees about 100 MB. glibc keeps blocks of that kind for later:
each one that is freed raises the size from which on it asks the system for blocks of their own, and
what is cut from its heaps instead leaves holes between what lives on. Measured over eight swaps of
the shipped model, the process grew from 400 to 480 MB without, and to 405 MB with the fixed size.

**What stays**, modules and classes above all, Python's garbage collection looks through whenever
enough of what is newer has lived for a while. That took 50 ms, in which no request went on.

Reads:   nothing
Gives:   an allocator that returns large blocks at once; collections of 3 ms
Never:   fails; where the calls don't exist, memory is returned later or not at all
"""

import ctypes
import gc

_M_MMAP_THRESHOLD = -3
"""From ``malloc.h``."""
_LARGE_BYTES = 256 * 1024
"""Most weights of a layer are larger."""


def set_mmap_threshold() -> None:
    """Let large blocks have pages of their own, for the rest of the process."""
    _call("mallopt", _M_MMAP_THRESHOLD, _LARGE_BYTES)


def gc_freeze() -> None:
    """Leave what lives now out of garbage collection; the last reference to it still frees it."""
    gc.collect()
    gc.freeze()


def malloc_trim() -> None:
    """Return what is free at present; takes a few milliseconds."""
    _call("malloc_trim", 0)


def _call(name: str, *values: int) -> None:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):  # no such function, or no C library to ask
        return
    function(*values)
