"""Graphics processors: what is built in, what its driver shows, and what this user may open.

Reads:   ``/sys/bus/pci``, ``/proc/driver/nvidia`` and ``/dev``
Gives:   why a GPU that is there can't be used
Never:   runs anything on it
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sentire.doctor.findings import Finding, Machine, broken, fine, skipped, warning
from sentire.kernel import children, read_text

NAME = "gpu"

_NVIDIA = "0x10de"
_DISPLAYS = ("0x0300", "0x0302")
"""Classes of PCI: VGA controllers, and 3D controllers, as those of data centres."""


class Gpu(NamedTuple):
    """What can be seen of NVIDIA's processors from here."""

    on_bus: int
    driver: str | None
    """Its version, where the kernel has it."""
    nodes: tuple[Path, ...]
    """Device files."""


def read_gpu(root: Path) -> Gpu:
    """See what there is, without opening it."""
    on_bus = 0
    for device in children(root / "sys/bus/pci/devices"):
        is_display = read_text(device / "class").startswith(_DISPLAYS)
        on_bus += is_display and read_text(device / "vendor").strip() == _NVIDIA
    said = read_text(root / "proc/driver/nvidia/version").splitlines()
    words = said[0].split() if said else []
    driver = next((w for w in words if w[:1].isdigit() and "." in w), "?") if said else None
    dev = root / "dev"
    nodes = [n for n in children(dev) if n.name.removeprefix("nvidia").isdigit()]
    controls = [dev / name for name in ("nvidiactl", "nvidia-uvm") if (dev / name).exists()]
    return Gpu(on_bus, driver, tuple(sorted(nodes) + controls) if nodes else ())


def look(machine: Machine) -> Iterator[Finding]:
    """Check what is there against the engine that is chosen."""
    found, engine = read_gpu(machine.root), machine.settings.engine
    wants = engine in {"onnxruntime-cuda", "onnxruntime-tensorrt"}
    trouble = why_not(found)
    details: dict[str, Any] = {
        "on_bus": found.on_bus,
        "driver": found.driver,
        "nodes": list(map(str, found.nodes)),
    }
    if not found.on_bus and not found.nodes and found.driver is None:
        if wants:
            yield broken(
                NAME,
                f"the engine is {engine}, and this machine shows no NVIDIA GPU.",
                "In a container, start it with --device nvidia.com/gpu=all (podman) or --gpus all "
                "(docker), in Kubernetes ask for nvidia.com/gpu. Else leave --engine away.",
                **details,
            )
        else:
            yield skipped(NAME, "there is none, and the engine needs none.", **details)
        return
    if trouble is None:
        use = "" if wants else " The engine does not use it; --engine onnxruntime-cuda would."
        n_gpus = sum(n.name.removeprefix("nvidia").isdigit() for n in found.nodes)
        yield fine(NAME, f"{n_gpus} NVIDIA GPU, driver {found.driver}, permitted.{use}", **details)
    else:
        yield (broken if wants else warning)(NAME, *trouble, **details)


def why_not(found: Gpu) -> tuple[str, str] | None:
    """Why a GPU can't be used and what to do; None where nothing stands in the way.

    Parameters
    ----------
    found : Gpu
        At least something of it is there.
    """
    if found.driver is None and not found.nodes:
        return (
            "an NVIDIA GPU is built in, and the kernel has no driver for it.",
            "Install NVIDIA's driver on the host, restart it, and see that nvidia-smi lists it.",
        )
    if not found.nodes:
        return (
            f"the kernel has NVIDIA's driver {found.driver}, and there is no /dev/nvidia0 here: "
            "this container was not given the GPU.",
            "Start it with --device nvidia.com/gpu=all (podman) or --gpus all (docker); in "
            "Kubernetes ask for nvidia.com/gpu under resources.limits.",
        )
    for node in found.nodes:
        number = _error_of_opening(node)
        if number in {errno.EACCES, errno.EPERM}:
            state = node.stat()
            return (
                f"the GPU is there and not permitted: user {os.geteuid()} may not open {node}, "
                f"which belongs to user {state.st_uid} and group {state.st_gid}, with mode "
                f"{state.st_mode & 0o777:o}.",
                f"Add the user to group {state.st_gid} (usermod -aG, docker --group-add, in "
                "Kubernetes securityContext.supplementalGroups), or give the container the device "
                "with --gpus all rather than with -v /dev.",
            )
        if number:
            return (
                f"{node} is there, and opening it fails: {os.strerror(number)}. The driver behind "
                "it is not loaded, or another version than the libraries.",
                "Run nvidia-smi on the host; restart it after an update of the driver.",
            )
    return None


def _error_of_opening(node: Path) -> int:
    try:
        os.close(os.open(node, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.errno or errno.EIO
    return 0
