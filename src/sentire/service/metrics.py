"""What the server tells Prometheus.

Reads:   requests as they end, runs of models as they end, and the models' states when it is asked
Gives:   the text at ``/metrics``: of this process, or of all workers of a server
Never:   has a label that clients choose: models, routes, codes and statuses are ours
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec
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

from sentire.inference.cache import AnswerCache
from sentire.inference.observing import Ran
from sentire.service.serving import ServedModels
from sentire.service.slot import Slot
from sentire.service.states import State, families, state_of, worker_families
from sentire.types import Prediction, Unscored
from sentire.workers.member import Member

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
_TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


_SOURCES = ("memory", "shared", "joined", "model")
"""Where an answer came from, in the order of the cache's counts."""


def count_in_files(worker: int) -> None:
    """Keep the counts of this process in files from now on, before the first :class:`Metrics`.

    They lie in the folder that ``PROMETHEUS_MULTIPROC_DIR`` names, as pages that the kernel keeps:
    nothing is lost when a worker is killed, and whoever takes its place under the same number
    counts on.
    """
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]


class Metrics:
    """Counts for one application over some models.

    Parameters
    ----------
    models : ServedModels
    member : Member, optional
        This worker, where several serve together; :func:`count_in_files` was called then.
    """

    def __init__(self, models: ServedModels, member: Member | None = None) -> None:
        # A line for every series that says when it began, which nobody asks for. The library can
        # leave them out of the whole process only.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._models = models
        self._member = member
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "sentire_requests",
            "Requests that were answered, by the path of their route.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "sentire_request_seconds",
            "From the head of a request to the beginning of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        figures = _Figures(self._registry)
        for slot in models.slots:
            slot.observe(_ModelMetrics(figures, slot.name))
        self._followed = list(_counted_elsewhere(models, self._registry))
        if member is None:
            ProcessCollector(registry=self._registry)
            self._registry.register(_Collected(lambda: families([self.state()])))
        else:
            Counter(
                "sentire_worker_starts", "Workers that were started.", registry=self._registry
            ).inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if self._member is not None:
            self._follow()

    def state(self) -> State:
        """Read what is not counted, for a page that another worker makes.

        It is no gauge of prometheus_client, whose files keep the labels of versions that are gone.
        """
        self._follow()
        return state_of(self._models, worker=self._member.number if self._member else 1)

    def page(self, accept: str) -> tuple[bytes, str]:
        """All figures now, in the format that a scraper asks for, and its media type.

        Parameters
        ----------
        accept : str
            The header of that name.
        """
        encode, media_type = choose_encoder(accept)
        self._follow()
        if self._member is None:
            return encode(self._registry), media_type
        others = self._member.others(fresh=True).values()
        figures = (other.condition.figures for other in others)
        states = [self.state(), *(msgspec.json.decode(each, type=State) for each in figures)]
        n_workers, registry = self._member.n_workers, CollectorRegistry(auto_describe=False)
        MultiProcessCollector(registry, str(self._member.folder))  # type: ignore[no-untyped-call]
        registry.register(_Collected(lambda: families(states)))
        registry.register(_Collected(lambda: worker_families(states, n_workers=n_workers)))
        return encode(registry), media_type

    def _follow(self) -> None:
        for followed in self._followed:
            followed.follow()


class _Figures:
    """The figures that every model has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, about: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(name, about, ("model",), buckets=buckets, registry=registry)

        def counter(name: str, about: str, label: str) -> Counter:
            return Counter(name, about, ("model", label), registry=registry)

        self.wait = histogram(
            "sentire_queue_wait_seconds", "How long a piece of text waited for the model.", _SECONDS
        )
        self.run = histogram("sentire_inference_seconds", "How long the model ran.", _SECONDS)
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


class _ModelMetrics:
    """An observer of one model."""

    def __init__(self, figures: _Figures, model: str) -> None:
        self._wait = figures.wait.labels(model)
        self._run = figures.run.labels(model)
        self._rows = figures.rows.labels(model)
        self._tokens = figures.tokens.labels(model)
        self._text_tokens = figures.kinds.labels(model, "text")
        self._padding = figures.kinds.labels(model, "padding")
        self._figures, self._model = figures, model

    def ran(self, run: Ran) -> None:
        """Count a run of the model."""
        for seconds in run.waits_s:
            self._wait.observe(seconds)
        self._run.observe(run.run_s)
        self._rows.observe(run.n_rows)
        self._tokens.observe(run.n_padded)
        self._text_tokens.inc(run.n_tokens)
        self._padding.inc(run.n_padded - run.n_tokens)

    def answered(self, answers: Sequence[Prediction | Unscored]) -> None:
        """Count the answers of a request."""
        for answer in answers:
            if isinstance(answer, Unscored):
                self._figures.texts.labels(self._model, answer.error.code).inc()
                continue
            self._figures.texts.labels(self._model, answer.label).inc()
            for warning in answer.warnings:
                self._figures.warnings.labels(self._model, warning.code).inc()


class _Followed:
    """A counter of what is counted elsewhere in this process."""

    def __init__(self, counter: Counter, read: Callable[[], int]) -> None:
        self._counter = counter
        self._read = read
        self._seen = 0

    def follow(self) -> None:
        now = self._read()
        if now != self._seen:
            self._counter.inc(now - self._seen)
            self._seen = now


def _counted_elsewhere(models: ServedModels, registry: CollectorRegistry) -> Iterator[_Followed]:
    swaps = Counter(
        "sentire_swaps",
        "New versions that serve now, or were refused.",
        ("model", "outcome"),
        registry=registry,
    )
    for name in dict.fromkeys(slot.name for slot in models.slots):
        own = [slot for slot in models.slots if slot.name == name]
        taken, refused = swaps.labels(name, "taken"), swaps.labels(name, "refused")
        yield _Followed(taken, partial(_n_taken, own))
        yield _Followed(refused, partial(_n_refused, own))
    cache = models.cache
    if cache is None:
        return
    texts = Counter(
        "sentire_cache_texts",
        "Texts by where their answer came from.",
        ("source",),
        registry=registry,
    )
    for at, source in enumerate(_SOURCES):
        yield _Followed(texts.labels(source), partial(_n_answers, cache, at))


def _n_taken(slots: Sequence[Slot]) -> int:
    return sum(slot.n_taken for slot in slots)


def _n_refused(slots: Sequence[Slot]) -> int:
    return sum(slot.n_refused for slot in slots)


def _n_answers(cache: AnswerCache, at: int) -> int:
    return cache.counts[at]


class _Collected(Collector):
    """Gives what a function does."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        """Collect now."""
        return self._collect()
