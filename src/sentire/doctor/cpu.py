"""What the processor offers for INT8 and the float layers beside it."""

from collections.abc import Iterator

from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.processor import read_processor

NAME = "cpu"


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
