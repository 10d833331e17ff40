"""How many threads this process may really use.

A container sees all cores of its host; its quota stands in the control group's files.
"""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_threads(root: Path = _CGROUP) -> int:
    """Whole CPUs to use: the affinity mask, bounded by the container's quota; at least 1.

    A quota of 1.5 CPUs gives 1: a second thread would be stopped for half of every period.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = cgroup_quota(root)
    return max(1, min(allowed or 1, math.floor(quota) if quota else allowed or 1))


def cgroup_quota(root: Path = _CGROUP) -> float | None:
    """CPU quota in CPUs, from cgroup v2 or v1; None where there is none."""
    try:
        quota, period = (root / "cpu.max").read_text(encoding="ascii").split()[:2]
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text(encoding="ascii").strip()
        except OSError:
            return None
    if quota in {"max", "-1"}:
        return None
    return int(quota) / int(period)
