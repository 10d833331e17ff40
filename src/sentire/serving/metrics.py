"""The figures of the models that are served.

Reads:   runs of models and answers as they end; the models' states when a page is asked for
Gives:   counters, and one view of all workers of a server
Never:   has a label that clients choose: models, labels and codes are ours
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import Metric

from sentire.inference.cache import AnswerCache
from sentire.inference.observers import BatchStats
from sentire.serving.served import ServedModels
from sentire.serving.slot import Slot
from sentire.serving.states import ProcessState, families, process_state, worker_families
from sentire.telemetry.metrics import SECONDS, Metrics
from sentire.types import Answer, Unscored

_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
_TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_SOURCES = ("memory", "shared", "joined", "model")
"""Where an answer came from, in the order of the cache's counts."""


class ModelMetrics:
    """Counts what the models of this process do, and shows how those of all workers fare.

    Parameters
    ----------
    metrics : Metrics
        Of the application.
    models : ServedModels
    """

    def __init__(self, metrics: Metrics, models: ServedModels) -> None:
        self._metrics, self._models = metrics, models
        figures = _Figures(metrics.registry)
        for slot in models.slots:
            slot.observe(_ModelObserver(figures, slot.name))
        _mirror_counts(models, metrics)

    def state(self, worker: int = 1) -> ProcessState:
        """Read what is not counted, for a page that another worker makes.

        It is no gauge of prometheus_client, whose files keep the labels of versions that are gone.

        Parameters
        ----------
        worker : int
            Number of this one.
        """
        self._metrics.update()
        return process_state(self._models, worker=worker)

    def show(
        self, others: Callable[[], Sequence[ProcessState]], *, worker: int, n_workers: int
    ) -> None:
        """Show on every page how all workers fare.

        Parameters
        ----------
        others : function
            Reads what the other workers say.
        worker : int
            Number of this one.
        n_workers : int
            1 for a process alone, of which the page says nothing more than of a worker.
        """

        def collect() -> Iterable[Metric]:
            states = [self.state(worker), *others()]
            yield from families(states)
            if n_workers > 1:
                yield from worker_families(states, n_workers=n_workers)

        self._metrics.collect(collect)


class _Figures:
    """The figures that every model has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, about: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(name, about, ("model",), buckets=buckets, registry=registry)

        def counter(name: str, about: str, label: str) -> Counter:
            return Counter(name, about, ("model", label), registry=registry)

        self.wait = histogram(
            "sentire_queue_wait_seconds", "How long a piece of text waited for the model.", SECONDS
        )
        self.run = histogram("sentire_inference_seconds", "How long the model ran.", SECONDS)
        self.rows = histogram("sentire_batch_rows", "Pieces of text in a run of the model.", _ROWS)
        self.tokens = histogram(
            "sentire_batch_tokens", "Tokens in a run of the model, with padding.", _TOKENS
        )
        self.kinds = counter(
            "sentire_tokens", "Tokens that the model ran: those of texts, and padding.", "kind"
        )
        self.texts = counter(
            "sentire_texts",
            "Texts that were answered, by label or by the code of the error.",
            "outcome",
        )
        self.warnings = counter("sentire_warnings", "Warnings in answers, by code.", "code")


class _ModelObserver:
    """An observer of one model."""

    def __init__(self, figures: _Figures, model: str) -> None:
        self._wait = figures.wait.labels(model)
        self._run = figures.run.labels(model)
        self._rows = figures.rows.labels(model)
        self._tokens = figures.tokens.labels(model)
        self._text_tokens = figures.kinds.labels(model, "text")
        self._padding = figures.kinds.labels(model, "padding")
        self._figures, self._model = figures, model

    def batch_ran(self, stats: BatchStats) -> None:
        """Count a run of the model."""
        for seconds in stats.waits_s:
            self._wait.observe(seconds)
        self._run.observe(stats.run_s)
        self._rows.observe(stats.n_rows)
        self._tokens.observe(stats.n_padded)
        self._text_tokens.inc(stats.n_tokens)
        self._padding.inc(stats.n_padded - stats.n_tokens)

    def answered(self, answers: Sequence[Answer]) -> None:
        """Count the answers of a request."""
        for answer in answers:
            if isinstance(answer, Unscored):
                self._figures.texts.labels(self._model, answer.error.code).inc()
                continue
            self._figures.texts.labels(self._model, answer.label).inc()
            for warning in answer.warnings:
                self._figures.warnings.labels(self._model, warning.code).inc()


def _mirror_counts(models: ServedModels, metrics: Metrics) -> None:
    """Swaps of versions and answers of the cache, which are counted where they happen."""
    swaps = Counter(
        "sentire_swaps",
        "New versions that serve now, or were refused.",
        ("model", "outcome"),
        registry=metrics.registry,
    )
    for name in dict.fromkeys(slot.name for slot in models.slots):
        own = [slot for slot in models.slots if slot.name == name]
        taken, refused = swaps.labels(name, "taken"), swaps.labels(name, "refused")
        metrics.mirror(taken, partial(_n_taken, own))
        metrics.mirror(refused, partial(_n_refused, own))
    cache = models.cache
    if cache is None:
        return
    texts = Counter(
        "sentire_cache_texts",
        "Texts by where their answer came from.",
        ("source",),
        registry=metrics.registry,
    )
    for at, source in enumerate(_SOURCES):
        metrics.mirror(texts.labels(source), partial(_n_answers, cache, at))


def _n_taken(slots: Sequence[Slot]) -> int:
    return sum(slot.n_taken for slot in slots)


def _n_refused(slots: Sequence[Slot]) -> int:
    return sum(slot.n_refused for slot in slots)


def _n_answers(cache: AnswerCache, at: int) -> int:
    return cache.counts[at]
