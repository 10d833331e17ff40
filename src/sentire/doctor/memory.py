"""Memory that the models take, against what there is."""

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from sentire.cgroups import memory_left, memory_limit
from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.doctor.models import folders
from sentire.doctor.trial import Trial, attempt
from sentire.kernel import read_text
from sentire.units import format_bytes

NAME = "memory"


def look(machine: Machine) -> Iterator[Finding]:
    """Compare what the models took at their trial with what is left."""
    left = available(machine.root)
    if machine.settings.remote.urls:
        yield fine(NAME, f"{format_bytes(left)} free; model services hold the models.", free=left)
        return
    trials = [
        attempt(path, machine.settings.engine, machine.settings.threads)
        for path in folders(machine).values()
        if isinstance(path, Path)
    ]
    yield judge(
        trials,
        left=left,
        limit=memory_limit(machine.root),
        n_workers=machine.settings.server.workers,
        addresses=address_limit(),
    )


def judge(
    trials: list[Trial], *, left: int, limit: int | None, n_workers: int, addresses: int | None
) -> Finding:
    """Decide whether models fit.

    Parameters
    ----------
    trials : how each model fared alone in a process
    left : bytes that are free
    limit : bytes that the container may hold
    n_workers : processes with a copy of each model
    addresses : bytes of addresses that a process may have (``ulimit -v``)
    """
    loaded = [trial.rss for trial in trials if trial.rss is not None]
    need = n_workers * sum(loaded)
    swap = n_workers * max(loaded, default=0)
    bound = f", the container's limit is {format_bytes(limit)}" if limit is not None else ""
    if addresses is not None:
        bound += f", and ulimit -v allows {format_bytes(addresses)} of addresses"
    said = f"{format_bytes(left)} free{bound}."
    details = {"free": left, "limit": limit, "addresses": addresses, "needed": need, "swap": swap}
    if any(t.is_out_of_memory or (t.lacks_thread and addresses is not None) for t in trials):
        fix = (
            "Raise ulimit -v or take it away: engines reserve far more addresses than memory."
            if addresses is not None
            else "Raise the container's limit or free memory; the shipped model needs 512 MB."
        )
        return broken(NAME, f"{said} A model could not be loaded within that.", fix, **details)
    if not loaded:
        return fine(NAME, f"{said} No model could be loaded, so what it takes is not known.")
    each = f"{n_workers} workers take" if n_workers > 1 else "the models take"
    if need > left:
        return broken(
            NAME,
            f"{said} Loaded, {each} {format_bytes(need)}.",
            "Free memory, raise the container's limit, or serve fewer models or workers.",
            **details,
        )
    if need + swap > left:
        return warning(
            NAME,
            f"{said} Loaded, {each} {format_bytes(need)}; while a new version is exchanged for the "
            f"old one, {format_bytes(swap)} more.",
            f"Leave room for a second copy: a limit of at least {format_bytes(need + swap)}; or "
            "exchange versions by starting anew.",
            **details,
        )
    return fine(NAME, f"{said} Loaded, {each} {format_bytes(need)}.", **details)


def available(root: Path) -> int:
    """Bytes that a new process could get: of the machine, within the container's limit."""
    free = psutil.virtual_memory().available
    for line in read_text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            free = 1024 * int(line.split()[1])
    within = memory_left(root)
    return free if within is None else max(0, min(free, within))


def address_limit() -> int | None:
    """Bytes of addresses that this process may have; None where nobody limits them."""
    if sys.platform == "win32":
        return None
    limit = psutil.Process().rlimit(psutil.RLIMIT_AS)[0] if hasattr(psutil, "RLIMIT_AS") else -1
    return limit if limit not in {-1, getattr(psutil, "RLIM_INFINITY", -1)} else None
