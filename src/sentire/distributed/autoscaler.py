"""How many replicas there should be, by how much there is to do and how long texts wait.

Ray carries this module to its controller as it stands, so it needs nothing of sentire there.

Reads:   requests under way, and the waits that replicas report
Gives:   a number of replicas, for Ray to smooth, delay and keep within its bounds
Never:   starts or stops one
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.serve.config import AutoscalingContext

WAIT_MS = "queue_wait_ms"
"""What a replica reports: milliseconds that a request's texts waited for the model."""

_FASTEST = 2.0
"""A wait grows without bound where there is too much to do, so it says more than how much: one
decision at most doubles the replicas."""
_KEPT = 0.2
"""Share of the wanted wait above which none is stopped: a wait of nearly nothing is what says that
there are too many."""


class ScalingPolicy:
    """Asks for enough replicas for the requests under way, and for the waits.

    Parameters
    ----------
    target_wait_ms : float
        Milliseconds that texts should wait for the model at most.
    """

    def __init__(self, *, target_wait_ms: float) -> None:
        self._target_wait_ms = target_wait_ms

    def __call__(self, context: "AutoscalingContext") -> tuple[float, dict[str, Any]]:
        """Say how many replicas there should be, and what to remember: nothing."""
        n_running = context.current_num_replicas
        if n_running == 0 or context.config is None:
            return context.target_num_replicas, {}
        waits = list((context.aggregated_metrics or {}).get(WAIT_MS, {}).values())
        wanted = wanted_replicas(
            n_running,
            n_requests=context.total_num_requests,
            target_requests=context.config.target_ongoing_requests,
            wait_ms=sum(waits) / len(waits) if waits else 0.0,
            target_wait_ms=self._target_wait_ms,
        )
        return wanted, {}


def wanted_replicas(
    n_running: int,
    *,
    n_requests: float,
    target_requests: float,
    wait_ms: float,
    target_wait_ms: float,
) -> float:
    """Say how many replicas there should be; whoever asks rounds up.

    Parameters
    ----------
    n_running : int
        Replicas now, at least 1.
    n_requests : float
        Requests under way and waiting, over all replicas.
    target_requests : float
        Of them, for one replica.
    wait_ms, target_wait_ms : float
        Milliseconds that texts wait for the model: as it is, and as it may be at most.

    Examples
    --------
    >>> wanted_replicas(2, n_requests=64, target_requests=16, wait_ms=0, target_wait_ms=50)
    4.0
    >>> wanted_replicas(2, n_requests=8, target_requests=16, wait_ms=75, target_wait_ms=50)
    3.0
    """
    by_requests = n_requests / target_requests
    excess = wait_ms / target_wait_ms
    if excess > 1:
        return max(by_requests, n_running * min(excess, _FASTEST))
    return max(by_requests, n_running if excess > _KEPT else 0.0)
