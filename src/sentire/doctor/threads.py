"""Threads and workers against the CPUs that may really be used."""

import math
import os
from collections.abc import Iterator

from sentire.cgroups import Quota, cpu_quota, throttled
from sentire.doctor.findings import Finding, Machine, fine, warning
from sentire.threads import available_threads

NAME = "threads"

_MUCH = 0.05
"""Share of periods with a stop from which on the slowest answers show it: each lasts 100 ms."""


def look(machine: Machine) -> Iterator[Finding]:
    """Compare threads, workers and quota."""
    settings, root = machine.settings, machine.root
    quota = cpu_quota(root)
    taken = settings.threads or available_threads(root)
    n_cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    stopped = throttled(root)
    yield judge(
        taken=taken,
        n_cpus=n_cpus or 1,
        quota=quota,
        n_workers=settings.server.workers,
    )
    if stopped is not None and stopped > _MUCH:
        yield warning(
            NAME,
            f"this control group was stopped in {stopped:.0%} of its periods, because it had used "
            "up its quota. An answer that meets such a stop is up to 100 ms late.",
            "Raise the CPU limit, or remove it and keep the request; else lower --threads.",
            throttled=stopped,
        )


def judge(*, taken: int, n_cpus: int, quota: Quota | None, n_workers: int) -> Finding:
    """Decide about a number of threads.

    Parameters
    ----------
    taken : threads that the engine would get, over all workers
    n_cpus : CPUs that the process may run on
    quota : of the container, if any
    n_workers : processes that share the threads; each gets at least one
    """
    limit = n_cpus if quota is None else min(n_cpus, quota.cpus)
    allowed = "no quota" if quota is None else f"a quota of {quota.cpus:g} (in {quota.group})"
    said = f"{taken} for the engine; {n_cpus} CPUs, {allowed}."
    details = {
        "threads": taken,
        "cpus": n_cpus,
        "quota": None if quota is None else quota.cpus,
        "workers": n_workers,
    }
    best = max(1, math.floor(limit))
    if max(taken, n_workers) > best:
        what = f"{n_workers} workers" if n_workers > taken else f"{taken} threads"
        why = (
            "the kernel stops all of them for the rest of each 100 ms once the quota is used up"
            if quota is not None and quota.cpus < n_cpus
            else "they take the CPUs from each other, and no text is done sooner"
        )
        change = f"--threads {best}" if taken > best else f"--workers {best}"
        return warning(
            NAME,
            f"{said} {what} are more than {limit:g} CPUs: {why}.",
            f"Set {change}.",
            **details,
        )
    if quota is not None and quota.cpus < 1:
        return warning(
            NAME,
            f"{said} With less than one CPU every answer waits for the next period of 100 ms "
            "again and again.",
            "Give it at least one CPU.",
            **details,
        )
    return fine(NAME, said, **details)
