"""A replica event by event: the real rule for batches, costs instead of a model."""

import heapq
import random

from sentire.capacity.measurement import percentile
from sentire.capacity.plan import Costs
from sentire.inference.batching import Batching, LengthBuckets


def simulated_p99(costs: Costs, *, rate: float, cores: int, n_texts: int, seed: int = 7) -> float:
    """p99 in seconds of texts that come at random moments.

    Python takes one text after the other; what it leaves of the cores is shared by the streams.
    """
    chance = random.Random(seed)
    left = cores - rate * costs.python_s
    slower = cores / left
    batching = Batching(max_rows=costs.largest, max_tokens=costs.largest * 8)
    waiting: LengthBuckets[int] = LengthBuckets(batching)
    came, took = [], [0.0] * n_texts
    now = python_free = 0.0
    for _ in range(n_texts):
        now += chance.expovariate(rate)
        python_free = max(now, python_free) + costs.python_s
        came.append((now, python_free))
    events = [(ready, 0, number, ()) for number, (_, ready) in enumerate(came)]
    heapq.heapify(events)
    free, order = cores, n_texts
    while events:
        at, kind, number, batch = heapq.heappop(events)
        if kind == 0:
            waiting.add(number, 8)
        else:
            free += 1
            for each in batch:
                took[each] = at - came[each][0]
        while free and waiting:
            taken = waiting.take()
            end = at + (costs.batch_s + costs.row_s * len(taken)) * slower
            heapq.heappush(events, (end, 1, order, tuple(taken)))
            order, free = order + 1, free - 1
    return percentile(took, 99)
