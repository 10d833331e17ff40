"""What kind of processor this machine has.

Reads:   ``/proc/cpuinfo``
Gives:   its name and what it offers
Never:   judges; ``doctor/cpu.py`` does
"""

import platform
from pathlib import Path
from typing import NamedTuple

from sentire.kernel import read_text

_FEATURES = {
    "SSE4.2": ("sse4_2",),
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "VNNI": ("avx512_vnni", "avx_vnni", "asimddp", "i8mm"),
    "BF16": ("avx512_bf16", "amx_bf16", "bf16"),
    "AMX": ("amx_int8",),
}
"""Name for people -> flags of Linux, any of which means it; ``asimddp`` and ``i8mm`` are what ARM
has for products of INT8."""


class Processor(NamedTuple):
    """What ``/proc/cpuinfo`` says."""

    name: str
    flags: frozenset[str]

    @property
    def features(self) -> list[str]:
        """Names of what it offers, from old to new."""
        return [name for name, flags in _FEATURES.items() if self.flags & set(flags)]


def read_processor(root: Path) -> Processor:
    """Read the processor's name and what all its cores offer; no flags where nobody tells them.

    Parameters
    ----------
    root : Path
        What ``/proc`` lies in.
    """
    name, flags = platform.processor() or platform.machine(), []
    for line in read_text(root / "proc/cpuinfo").splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key.lower() in {"flags", "features"}:
            flags.append(frozenset(value.split()))
        elif key == "model name":
            name = value
    # Cores of one machine may differ; a model runs on any of them.
    return Processor(name, frozenset.intersection(*flags) if flags else frozenset())
