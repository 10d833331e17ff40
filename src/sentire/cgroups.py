"""Limits of the control groups that this process is in, version 1 or 2.

Inside a container the files at the top are those of the container. Elsewhere, as for a service of
systemd, they lie in the process's own group and in those above it, and the smallest counts.

Reads:   ``/proc/self/cgroup`` and the files under ``/sys/fs/cgroup``
Gives:   values, None where there is no limit
Never:   changes a group
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sentire.kernel import read_text

_UNLIMITED = 1 << 60
"""Version 1 writes about 2^63 where there is no limit."""


class Quota(NamedTuple):
    """CPU time that a group may use."""

    cpus: float
    group: Path
    """Its folder."""


def cpu_quota(root: Path) -> Quota | None:
    """The smallest CPU quota of the process's groups."""
    found = []
    for folder in _folders(root, "cpu"):
        quota = _quota(folder)
        if quota is not None:
            found.append(Quota(quota, folder))
    return min(found, default=None)


def throttled(root: Path) -> float | None:
    """Share of its periods in which the process's group was stopped; None where nobody counted."""
    for folder in _folders(root, "cpu"):
        counts = dict(line.split()[:2] for line in read_text(folder / "cpu.stat").splitlines())
        periods = int(counts.get("nr_periods", 0))
        if periods:
            return int(counts.get("nr_throttled", 0)) / periods
    return None


def memory_limit(root: Path) -> int | None:
    """Bytes that the process's groups may hold."""
    return _smallest(root, "memory", "memory.max", "memory.high", "memory.limit_in_bytes")


def memory_left(root: Path) -> int | None:
    """Bytes until the first of the process's groups is full; file pages that can go are free."""
    left = []
    for folder in _folders(root, "memory"):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes")
        if limit is None or used is None:
            continue
        counts = dict(line.split()[:2] for line in read_text(folder / "memory.stat").splitlines())
        cached = counts.get("inactive_file") or counts.get("total_inactive_file") or "0"
        left.append(limit - used + int(cached))
    return min(left, default=None)


def process_limit(root: Path) -> int | None:
    """Processes and threads that the process's groups may have."""
    return _smallest(root, "pids", "pids.max")


def _smallest(root: Path, controller: str, *names: str) -> int | None:
    found = [_number(folder / name) for folder in _folders(root, controller) for name in names]
    return min((value for value in found if value is not None), default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The process's group and those above it, the innermost first.

    The path of a group is that of the host where the container has no name space of its own; then
    it is not there, and what is at the top counts.
    """
    top = root / "sys/fs/cgroup"
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",") if controllers else []
        if names and controller not in names:
            continue
        # Version 2 has one tree; beside version 1 it lies in "unified" and limits nothing.
        mount = top / controller if names else top
        # A path with ".." leads out of the container's name space; nothing of it is seen here.
        if ".." not in path and (group := mount / path.lstrip("/")).is_dir():
            while group != mount:
                yield group
                group = group.parent
    for mount in (top / controller, top):
        if mount.is_dir():
            yield mount


def _quota(folder: Path) -> float | None:
    if (folder / "cpu.max").exists():
        written = read_text(folder / "cpu.max").split()[:2]
    else:
        written = [read_text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    try:
        quota, period = map(int, written)
    except ValueError:  # "max", or no limit that can be read
        return None
    return quota / period if quota > 0 and period > 0 else None


def _number(file: Path) -> int | None:
    text = read_text(file).strip()
    return int(text) if text.isdigit() and int(text) < _UNLIMITED else None
