"""What the server tells Prometheus.

Reads:   requests as they end, runs of models as they end, and the models' states when it is asked
Gives:   the text at ``/metrics``
Never:   has a label that clients choose: models, routes, codes and statuses are ours
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from sentire.inference.cache import AnswerCache
from sentire.inference.observing import Ran
from sentire.service.serving import ServedModels
from sentire.service.slot import Slot
from sentire.types import Prediction, Unscored

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
_TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


class Metrics:
    """Counts for one application over some models."""

    def __init__(self, models: ServedModels) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(_States(models))
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

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def page(self, accept: str) -> tuple[bytes, str]:
        """All figures now, in the format that a scraper asks for, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


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


class _States(Collector):
    """What is read when it is asked for, and counted elsewhere."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models

    def collect(self) -> Iterable[Metric]:
        """Read the models and the cache."""
        yield from _of_models(self._models.slots)
        if self._models.cache is not None:
            yield from _of_cache(self._models.cache)


def _of_models(slots: Sequence[Slot]) -> Iterable[Metric]:
    info = GaugeMetricFamily(
        "sentire_model_info",
        "The version that serves.",
        labels=("model", "version", "digest", "engine"),
    )
    ready = GaugeMetricFamily("sentire_model_ready", "Whether it would answer.", labels=("model",))
    queue = GaugeMetricFamily(
        "sentire_queue_pieces", "Pieces of text that wait for the model.", labels=("model",)
    )
    swaps = CounterMetricFamily(
        "sentire_swaps",
        "New versions that serve now, or were refused.",
        labels=("model", "outcome"),
    )
    for name in dict.fromkeys(slot.name for slot in slots):
        own = [slot for slot in slots if slot.name == name]
        serving = [slot.current for slot in own if slot.current is not None]
        for version in serving:
            info.add_metric((name, version.info.version, version.info.digest, version.engine), 1)
        ready.add_metric((name,), all(slot.ready for slot in own))
        queue.add_metric((name,), sum(version.n_waiting for version in serving))
        swaps.add_metric((name, "taken"), sum(slot.n_taken for slot in own))
        swaps.add_metric((name, "refused"), sum(slot.n_refused for slot in own))
    return info, ready, queue, swaps


def _of_cache(cache: AnswerCache) -> Iterable[Metric]:
    answers = CounterMetricFamily(
        "sentire_cache_texts", "Texts by where their answer came from.", labels=("source",)
    )
    for source, n in zip(("memory", "shared", "joined", "model"), cache.counts, strict=True):
        answers.add_metric((source,), n)
    size = GaugeMetricFamily("sentire_cache_bytes", "Memory that answers take.", cache.n_bytes)
    return answers, size
