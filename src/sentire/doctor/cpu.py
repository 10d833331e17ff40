"""What the processor offers for INT8 and the float layers beside it."""

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.kernel import read_text

NAME = "cpu"

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
    """Read the processor's name and what all its cores offer; no flags where nobody tells them."""
    name, flags = platform.processor() or platform.machine(), []
    for line in read_text(root / "proc/cpuinfo").splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key.lower() in {"flags", "features"}:
            flags.append(frozenset(value.split()))
        elif key == "model name":
            name = value
    # Cores of one machine may differ; a model runs on any of them.
    return Processor(name, frozenset.intersection(*flags) if flags else frozenset())


def look(machine: Machine) -> Iterator[Finding]:
    """Check the processor against what the engines were compiled for."""
    found = read_processor(machine.root)
    features = found.features
    details = {"name": found.name, "features": features}
    said = f"{found.name} with {', '.join(features) or 'nothing special'}."
    is_arm = "asimd" in found.flags
    if not found.flags:
        yield fine(NAME, f"{found.name}; what it offers can't be read on this system.", **details)
    elif not is_arm and "SSE4.2" not in features:
        yield broken(
            NAME,
            f"{said} OpenVINO needs SSE4.2 and ends with an illegal instruction without it.",
            "Use a processor from after 2010. In a virtual machine, let it see the host's: "
            "CPU type host, not qemu64 or kvm64.",
            **details,
        )
    elif not is_arm and "AVX2" not in features:
        yield warning(
            NAME,
            f"{said} Without AVX2 the engine computes half as many numbers at once.",
            "In a virtual machine, let it see the host's processor: CPU type host. Else plan with "
            "what sentire doctor --capacity measures here.",
            **details,
        )
    elif "VNNI" not in features:
        yield warning(
            NAME,
            f"{said} Without VNNI the INT8 model is right but slower: a product of bytes takes "
            "three instructions instead of one.",
            "Choose machines with VNNI (Intel from Ice Lake, AMD from Zen 4, ARM with dot "
            "products), or plan with what sentire doctor --capacity measures here.",
            **details,
        )
    else:
        yield fine(NAME, f"{said} INT8 runs on its own instructions.", **details)
