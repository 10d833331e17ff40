"""What a server tells Prometheus.

Reads:   requests as they end; what others count or collect
Gives:   the text at ``/metrics``: of this process, or of all workers of a server
Never:   has a label that clients choose: routes, codes and statuses are ours
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    values,
)
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from sentire.request_context import RequestRecord, Scope

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets of all times."""

Collect = Callable[[], Iterable[Metric]]


def count_in_files(worker: int) -> None:
    """Keep the counts of this process in files from now on, before the first :class:`Metrics`.

    They lie in the folder that ``PROMETHEUS_MULTIPROC_DIR`` names, as pages that the kernel keeps:
    nothing is lost when a worker is killed, and whoever takes its place under the same number
    counts on.

    Parameters
    ----------
    worker : int
        Its number.
    """
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]


class Metrics:
    """Counts of one application, and of all who count with it.

    Parameters
    ----------
    shared : Path or None
        Folder of the counts of all workers; :func:`count_in_files` was called then. None is a
        process alone.

    Attributes
    ----------
    registry : CollectorRegistry
        Where others put their counters.
    """

    def __init__(self, shared: Path | None = None) -> None:
        # A line for every series that says when it began, which nobody asks for. The library can
        # leave them out of the whole process only.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        self._shared = shared
        self._collectors: list[Collector] = []
        self._mirrored: list[_Mirrored] = []
        self._requests = Counter(
            "sentire_requests",
            "Requests that were answered, by the path of their route.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "sentire_request_seconds",
            "From the head of a request to the beginning of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        if shared is None:
            ProcessCollector(registry=self.registry)
        else:
            Counter(
                "sentire_worker_starts", "Workers that were started.", registry=self.registry
            ).inc()

    def begin(self, _scope: Scope) -> Callable[[RequestRecord], None]:
        """Count a request when it has ended."""
        return self._count

    def collect(self, collect: Collect) -> None:
        """Show on every page what a function gives then.

        Parameters
        ----------
        collect : function
            Gives metrics of all workers.
        """
        self._collectors.append(_Collected(collect))

    def mirror(self, counter: Counter, read: Callable[[], int]) -> None:
        """Have a counter follow what is counted elsewhere in this process.

        Parameters
        ----------
        counter : Counter
            In :attr:`registry`.
        read : function
            Gives a number that only rises.
        """
        self._mirrored.append(_Mirrored(counter, read))

    def update(self) -> None:
        """Bring the counters that follow others up to date."""
        for mirrored in self._mirrored:
            mirrored.update()

    def page(self, accept: str) -> tuple[bytes, str]:
        """All figures now, in the format that a scraper asks for, and its media type.

        Parameters
        ----------
        accept : str
            The header of that name.
        """
        encode, media_type = choose_encoder(accept)
        self.update()
        page = CollectorRegistry(auto_describe=False)
        if self._shared is None:
            page.register(_Collected(self.registry.collect))
        else:
            MultiProcessCollector(page, str(self._shared))  # type: ignore[no-untyped-call]
        for collector in self._collectors:
            page.register(collector)
        return encode(page), media_type

    def _count(self, ended: RequestRecord) -> None:
        self._requests.labels(ended.method, ended.route, str(ended.status)).inc()
        self._seconds.labels(ended.route).observe(ended.seconds)
        if self._shared is not None:
            self.update()


class _Mirrored:
    """A counter of what is counted elsewhere in this process."""

    def __init__(self, counter: Counter, read: Callable[[], int]) -> None:
        self._counter = counter
        self._read = read
        self._seen = 0

    def update(self) -> None:
        now = self._read()
        if now != self._seen:
            self._counter.inc(now - self._seen)
            self._seen = now


class _Collected(Collector):
    """Gives what a function does."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        """Collect now."""
        return self._collect()
