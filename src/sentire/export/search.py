"""Choose which layers stay in FP32: as few as the gate allows.

Reads:   a way to rank layers by what they cost, and a way to try a choice on the served graph
Gives:   the choice that holds, or the last one there was
Never:   keeps more layers than its limit
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sentire.export.gate import GateVerdict
from sentire.export.sensitivity import Cost


class GateTrial(NamedTuple):
    """A choice of layers, and what was measured of it."""

    kept: list[Cost]
    verdict: GateVerdict


def fewest(
    rank: Callable[[Sequence[Cost]], Sequence[Cost]],
    try_out: Callable[[Sequence[Cost]], GateVerdict],
    *,
    most: int,
) -> GateTrial:
    """Keep the costliest layers, 1, 2, 4, …, until the gate holds; then see whether fewer do.

    Parameters
    ----------
    rank : kept layers -> what each of the others costs beside them, the costliest first. Asked anew
        before each step, since the worst layer hides what the next one costs.
    try_out : builds the graph with these layers in FP32 and measures it; takes a minute or more
    most : int
        Layers that may be kept, at least 1.

    Returns
    -------
    The smallest choice found that holds; where none does, the largest that was tried.
    """
    order: list[Cost] = []
    trials: dict[int, GateTrial] = {}

    def trial(n: int) -> GateTrial:
        if n > len(order):
            order.extend(rank(order)[: n - len(order)])
        if n not in trials:
            trials[n] = GateTrial(order[:n], try_out(order[:n]))
        return trials[n]

    low, high = 0, 1
    while not trial(high).verdict.holds:
        if high == most:
            return trials[most]
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if trial(middle).verdict.holds else (middle, high)
    return trial(high)
