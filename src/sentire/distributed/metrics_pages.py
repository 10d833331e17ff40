"""The figures of all replicas on one page, whichever replica is asked for it.

Reads:   the page at ``/metrics`` of each replica
Gives:   one page, whose figures bear the name of their replica
Never:   adds figures up: Prometheus does, and so sees a replica that begins anew
"""

import time
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

LABEL = "replica"


class MetricsPages:
    """Holds the last page of each replica; Ray runs it beside them as one actor.

    Parameters
    ----------
    keep_s : float
        Seconds after which a replica that was not heard of is left out.
    """

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._pages: dict[str, tuple[float, bytes]] = {}

    def put(self, replica: str, page: bytes) -> None:
        """Take the page of a replica."""
        self._pages[replica] = time.monotonic(), page

    def exchange(self, replica: str, page: bytes) -> dict[str, bytes]:
        """Take the page of a replica, and give those of all."""
        self.put(replica, page)
        now = time.monotonic()
        self._pages = {
            name: (told, kept)
            for name, (told, kept) in self._pages.items()
            if now - told <= self._keep_s
        }
        return {name: kept for name, (_, kept) in self._pages.items()}

    def drop(self, replica: str) -> None:
        """Forget a replica that ends."""
        self._pages.pop(replica, None)


def merge_pages(pages: Mapping[str, bytes], accept: str) -> tuple[bytes, str]:
    """Make one page of several.

    Parameters
    ----------
    pages : name of a replica -> its page, as text of Prometheus' format 0.0.4
    accept : str
        The header of that name.

    Returns
    -------
    The page and its media type.
    """
    encode, media_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_MergedCollector(pages))
    return encode(registry), media_type


class _MergedCollector(Collector):
    def __init__(self, pages: Mapping[str, bytes]) -> None:
        self._pages = pages

    def collect(self) -> Iterable[Metric]:
        """Collect the families of all pages, each once."""
        families: dict[str, Metric] = {}
        for replica, family in self._families():
            into = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            for sample in family.samples:
                into.add_sample(sample.name, sample.labels | {LABEL: replica}, sample.value)
        return families.values()

    def _families(self) -> Iterator[tuple[str, Metric]]:
        for replica in sorted(self._pages):
            for family in text_string_to_metric_families(self._pages[replica].decode()):
                yield replica, family
