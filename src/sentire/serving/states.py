"""What a metrics page reads when it is asked for: the models, the cache, the process.

Reads:   models and cache of this process; what other workers of the same server say of theirs
Gives:   one view of all: sums, and the least where one that fails counts
Never:   counts; ``metrics.py`` does
"""

import os
from collections.abc import Iterable, Sequence
from functools import partial

import msgspec
from prometheus_client import ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric

from sentire.serving.served import ServedModels


class ModelFigures(msgspec.Struct, frozen=True):
    """A model in one process."""

    name: str
    ready: bool
    n_waiting: int
    versions: list[tuple[str, str, str]]
    """Version, digest and engine of what serves."""


class ProcessState(msgspec.Struct, frozen=True):
    """A process at one moment."""

    worker: int
    pid: int
    models: list[ModelFigures]
    cache_bytes: int | None
    """None where there is no cache."""


def process_state(models: ServedModels, *, worker: int) -> ProcessState:
    """Read the models and the cache of this process."""
    figures = []
    for name in dict.fromkeys(slot.name for slot in models.slots):
        own = [slot for slot in models.slots if slot.name == name]
        serving = [slot.current for slot in own if slot.current is not None]
        figures.append(
            ModelFigures(
                name,
                all(slot.ready for slot in own),
                sum(version.n_waiting for version in serving),
                [(v.info.version, v.info.digest, v.engine) for v in serving],
            )
        )
    cache_bytes = None if models.cache is None else models.cache.n_bytes
    return ProcessState(worker, os.getpid(), figures, cache_bytes)


def families(states: Sequence[ProcessState]) -> Iterable[Metric]:
    """Write the state of a server with one process or several workers."""
    info = GaugeMetricFamily(
        "sentire_model_info",
        "The version that serves.",
        labels=("model", "version", "digest", "engine"),
    )
    ready = GaugeMetricFamily("sentire_model_ready", "Whether it would answer.", labels=("model",))
    queue = GaugeMetricFamily(
        "sentire_queue_pieces", "Pieces of text that wait for the model.", labels=("model",)
    )
    for name in dict.fromkeys(model.name for state in states for model in state.models):
        own = [model for state in states for model in state.models if model.name == name]
        for version in dict.fromkeys(version for model in own for version in model.versions):
            info.add_metric((name, *version), 1)
        ready.add_metric((name,), all(model.ready for model in own))
        queue.add_metric((name,), sum(model.n_waiting for model in own))
    yield from (info, ready, queue)
    sizes = [state.cache_bytes for state in states if state.cache_bytes is not None]
    if sizes:
        yield GaugeMetricFamily("sentire_cache_bytes", "Memory that answers take.", sum(sizes))


def worker_families(states: Sequence[ProcessState], *, n_workers: int) -> Iterable[Metric]:
    """Write how many workers there are, and the processes of those that answer, told apart."""
    yield GaugeMetricFamily("sentire_workers", "Workers that there should be.", n_workers)
    yield GaugeMetricFamily("sentire_workers_ready", "Workers that answer.", len(states))
    merged: dict[str, Metric] = {}
    for state in sorted(states, key=lambda each: each.worker):
        # Read from /proc, so that no worker has to spend time on it.
        for family in ProcessCollector(pid=partial(str, state.pid), registry=None).collect():
            into = merged.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            for sample in family.samples:
                labels = sample.labels | {"worker": str(state.worker)}
                into.add_sample(sample.name, labels, sample.value)
    yield from merged.values()
