"""How many cores and replicas a load needs, from what one text costs.

A replica is one process with ``c`` cores. A text costs ``h`` seconds of CPU in Python (HTTP,
tokens, answer), one text after the other, and a batch of ``b`` texts costs ``T(b) = t + a b``
seconds in the engine, on one of ``c`` streams; at most ``B`` texts run in a batch. With ``x`` texts
a second:

- engine and Python share the cores, so ``k = c - x h`` of them are left to the engine;
- where they come alone, they use ``x (h + T(1)) / c`` of the CPUs. A plan keeps that at
  :data:`HEADROOM` or below. Above 1 batches grow, and a replica still takes up to
  ``c / (h + a + t / B)``, or ``1 / h`` if that is less: that is left for bursts;
- what comes while a text runs is the next batch: a Poisson number with mean ``x T(1) / k``, whose
  99th percentile is ``n``;
- a text waits for the batch that runs, ``T(n)``, where at least one text in a hundred finds all
  streams busy (Erlang's C); divided by ``k`` where that is below 1;
- then it runs with the others of its own batch, ``T(n) - T(1)``; or, if that is longer, it waits
  for those before it as in an M/D/k queue of full batches, ``Q(T(B) / B, k)``, where
  ``Q(s, k) = s ln(100 r) / (2 k (1 - r))`` with ``r = x s / k`` is about the 99th percentile;
- it waits for Python as in an M/D/1 queue, ``Q(h, 1)``;
- ``p99 = L +`` these waits, ``L`` being the p99 of a lone text that was measured.

So it bounds rather than predicts: a simulation with the same costs has a p99 between a third of it
and all of it.

That the time of a batch is linear in its size: Inoue, "Queueing analysis of GPU-based inference
servers with dynamic batching", Performance Evaluation 147 (2021). Erlang's C and the tail of M/D/k:
Kleinrock, Queueing Systems I and II.

Reads:   costs that were measured, and what is wanted
Gives:   rate and p99 of a replica, and how many are needed
Never:   measures; ``measurement.py`` does
"""

import math
from collections.abc import Iterator

import msgspec

HEADROOM = 0.7
"""Share of a replica's CPU, and of its Python thread, that a plan uses. What is left takes bursts,
a replica that is exchanged, and machines that are slower than this one."""

_QUANTILE = 0.99


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What texts of one length cost on one core."""

    batch_s: float
    """CPU seconds of the engine for a batch, however small: ``t``."""
    row_s: float
    """CPU seconds of the engine for each text in a batch: ``a``."""
    largest: int
    """Texts that run at once at most: ``B``."""
    python_s: float
    """CPU seconds in Python for each text: ``h``."""
    lone_p99_s: float
    """Seconds within which 99 of 100 lone texts are answered: ``L``."""

    def engine_s(self, n_texts: float) -> float:
        """CPU seconds of the engine for ``n_texts`` texts, in as few batches as can be."""
        return math.ceil(n_texts / self.largest) * self.batch_s + n_texts * self.row_s

    def cpu_s(self, n_texts: float = 1.0) -> float:
        """CPU seconds for one text in a batch of ``n_texts``."""
        return self.python_s + self.batch_s / n_texts + self.row_s


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How a replica fares at some rate."""

    p99_s: float
    """Infinite where its CPUs don't suffice for texts that come alone."""
    used: float
    """Share of its CPUs."""
    python: float
    """Share of the one CPU that Python code runs on."""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One way to carry the load."""

    cores: int
    """Of one replica."""
    rate: float
    """Texts a second that one replica takes."""
    replicas: int
    peak: float
    """Texts a second that one replica takes in a burst, later than the p99."""
    estimate: Estimate
    """At the share of the load that each replica then gets."""

    @property
    def total_cores(self) -> int:
        """Of all replicas."""
        return self.cores * self.replicas


def estimate(costs: Costs, *, rate: float, cores: int) -> Estimate:
    """Estimate the p99 of one replica, as the header says.

    Parameters
    ----------
    costs : Costs
    rate : texts a second that come independently of each other (Poisson)
    cores : of the replica
    """
    python = rate * costs.python_s
    left = cores - python
    used = rate * costs.cpu_s() / cores
    if python >= 1 or used >= 1:
        return Estimate(p99_s=math.inf, used=used, python=python)
    alone = costs.engine_s(1)
    busy = rate * alone / left
    n = max(1, _poisson_quantile(busy))
    running = costs.engine_s(min(n, costs.largest)) if _erlang_c(left, busy) > 0.01 else 0.0
    own = costs.engine_s(n) - alone
    each = costs.engine_s(costs.largest) / costs.largest
    queue = _queue_s(each, rate=rate, servers=left)
    engine = running / min(1.0, left) + max(own / min(1.0, left), queue)
    return Estimate(
        p99_s=costs.lone_p99_s + engine + _queue_s(costs.python_s, rate=rate, servers=1.0),
        used=used,
        python=python,
    )


def peak(costs: Costs, *, cores: int) -> float:
    """Texts a second that one replica takes at most, in full batches, whatever the p99."""
    return min(cores / costs.cpu_s(costs.largest), 1 / max(costs.python_s, 1e-9))


def best_rate(costs: Costs, *, p99_s: float, cores: int) -> float:
    """Texts a second that one replica takes within a p99 and the headroom; 0 where none.

    Parameters
    ----------
    costs : Costs
    p99_s : seconds
    cores : of the replica
    """
    low, high = 0.0, peak(costs, cores=cores)
    for _ in range(60):
        middle = (low + high) / 2
        found = estimate(costs, rate=middle, cores=cores)
        fits = found.p99_s <= p99_s and max(found.used, found.python) <= HEADROOM
        low, high = (middle, high) if fits else (low, middle)
    return low if low * costs.cpu_s() > 1e-6 else 0.0


def options(costs: Costs, *, rate: float, p99_s: float, cores: tuple[int, ...]) -> Iterator[Option]:
    """Ways to carry a load, one for each size of a replica that meets the p99.

    Parameters
    ----------
    costs : Costs
    rate : texts a second over all replicas
    p99_s : seconds
    cores : sizes of a replica
    """
    for n_cores in cores:
        best = best_rate(costs, p99_s=p99_s, cores=n_cores)
        if not best:
            continue
        replicas = math.ceil(rate / best)
        found = estimate(costs, rate=rate / replicas, cores=n_cores)
        yield Option(
            cores=n_cores,
            rate=best,
            replicas=replicas,
            peak=peak(costs, cores=n_cores),
            estimate=found,
        )


def cheapest(found: list[Option]) -> Option | None:
    """The option with the fewest cores in all, and of those the one with the fewest replicas."""
    return min(found, key=lambda option: (option.total_cores, option.replicas), default=None)


def _queue_s(service_s: float, *, rate: float, servers: float) -> float:
    """About the 99th percentile of the wait in an M/D/k queue; 0 where hardly anything waits."""
    used = rate * service_s / servers
    if used <= 1 - _QUANTILE:
        return 0.0
    return service_s * math.log(used / (1 - _QUANTILE)) / (2 * servers * (1 - used))


def _poisson_quantile(mean: float) -> int:
    """Smallest number that a Poisson variable does not exceed in 99 of 100 cases."""
    if mean > 500:
        return math.ceil(mean + 2.33 * math.sqrt(mean))
    term = total = math.exp(-mean)
    n = 0
    while total < _QUANTILE:
        n += 1
        term *= mean / n
        total += term
    return n


def _erlang_c(servers: float, used: float) -> float:
    """Probability that all of some servers are busy when work comes; ``used`` is of each."""
    n = max(1, math.floor(servers))
    load = used * n
    blocked = 1.0
    for number in range(1, n + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - used * (1 - blocked)) if used < 1 else 1.0
