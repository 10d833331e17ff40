"""How many threads to use: those asked for within bounds, or what this process may really use."""

import math
import os
from pathlib import Path

from sentire.cgroups import cpu_quota
from sentire.errors import OptionError
from sentire.types import MAX_THREADS


def choose_threads(asked: int | None) -> int:
    """Give the threads that were asked for; where none were, :func:`available_threads`.

    Parameters
    ----------
    asked : int or None
        From 1 to :data:`~sentire.types.MAX_THREADS`.

    Raises
    ------
    OptionError
        It is something else.
    """
    if asked is None:
        return available_threads()
    if type(asked) is not int or not 1 <= asked <= MAX_THREADS:
        raise OptionError(
            f"threads is {asked!r}. Allowed is a whole number from 1 to {MAX_THREADS}; leave it "
            "out to use the CPUs that this process may use."
        )
    return asked


def available_threads(root: Path = Path("/")) -> int:
    """Whole CPUs to use: the affinity mask, bounded by the quotas of control groups; at least 1.

    A container sees all cores of its host. A quota of 1.5 CPUs gives 1: a second thread would be
    stopped for half of every period.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = cpu_quota(root)
    return max(1, min(allowed or 1, math.floor(quota.cpus) if quota else allowed or 1))


def divide_threads(n_threads: int, n_workers: int) -> list[int]:
    """Divide threads among workers, as evenly as can be and at least one for each.

    Examples
    --------
    >>> divide_threads(5, 2)
    [3, 2]
    """
    each, more = divmod(n_threads, n_workers)
    return [max(1, each + (number < more)) for number in range(n_workers)]
