"""OpenTelemetry traces: one span for each request, sent to where the variables ``OTEL_…`` say.

Nothing of it is imported unless the settings ask for it.

Reads:   the head of a request, W3C's ``traceparent`` in it; how it ended and where its time went
Gives:   spans, over OTLP; the headers that carry a trace on to another server
Never:   puts a text, a path or a query into a span
"""

import os
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from sentire.errors import OptionError
from sentire.optional import import_extra
from sentire.proxies import is_loopback
from sentire.request_context import RequestRecord, Scope

SERVICE_NAME = "sentire"
"""Where ``OTEL_SERVICE_NAME`` does not say otherwise."""

_PURPOSE = "sending traces"
_ALLOWED = {
    "OTEL_TRACES_EXPORTER": ("otlp", "none"),
    "OTEL_EXPORTER_OTLP_PROTOCOL": ("http/protobuf",),
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": ("http/protobuf",),
}
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_ENDPOINT = "http://localhost:4318"
"""What OpenTelemetry takes where neither is set."""
_HEALTH = ("/health", "/v2/health/")
_UNTRACED = frozenset(("/metrics", "/v2/models"))
"""What orchestrators, scrapers and gateways ask for all the time."""
_CLOSE_S = 2.0


def carrier() -> Callable[[], dict[str, str]]:
    """Make the function that gives the headers which carry a request's trace to another server.

    Raises
    ------
    MissingExtra
        OpenTelemetry is not installed.
    """
    propagate = import_extra("opentelemetry.propagate", extra="otel", purpose=_PURPOSE)

    def headers() -> dict[str, str]:
        carried: dict[str, str] = {}
        propagate.inject(carried)
        return carried

    return headers


def _session(environ: Mapping[str, str]) -> Any:
    """Connections to a receiver on this machine, past the proxies of the environment; else None."""
    endpoint = next((environ[name] for name in _ENDPOINTS if environ.get(name)), _ENDPOINT)
    if not is_loopback(endpoint):
        return None
    session = import_extra("requests", extra="otel", purpose=_PURPOSE).Session()
    session.trust_env = False
    return session


class Tracing:
    """Makes spans and sends them from a thread of its own. Close it.

    Parameters
    ----------
    environ : mapping
        Usually ``os.environ``; OpenTelemetry itself reads the process's own.

    Raises
    ------
    MissingExtra
        OpenTelemetry is not installed.
    OptionError
        A variable asks for what is not here.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        for name, allowed in _ALLOWED.items():
            if environ.get(name) not in {None, "", *allowed}:
                raise OptionError(
                    f"variable {name} is {environ[name]!r}. Allowed is {' or '.join(allowed)}."
                )
        self._trace = import_extra("opentelemetry.trace", extra="otel", purpose=_PURPOSE)
        self._context = import_extra("opentelemetry.context", extra="otel", purpose=_PURPOSE)
        self._propagate = import_extra("opentelemetry.propagate", extra="otel", purpose=_PURPOSE)
        sdk = import_extra("opentelemetry.sdk.trace", extra="otel", purpose=_PURPOSE)
        resources = import_extra("opentelemetry.sdk.resources", extra="otel", purpose=_PURPOSE)
        resource = resources.Resource.create()
        if resource.attributes["service.name"].startswith("unknown_service"):
            resource = resource.merge(resources.Resource({"service.name": SERVICE_NAME}))
        self._provider = sdk.TracerProvider(resource=resource)
        self._exporter: Any = None
        if environ.get("OTEL_TRACES_EXPORTER") != "none":
            export = import_extra("opentelemetry.sdk.trace.export", extra="otel", purpose=_PURPOSE)
            otlp = import_extra(
                "opentelemetry.exporter.otlp.proto.http.trace_exporter",
                extra="otel",
                purpose=_PURPOSE,
            )
            self._exporter = otlp.OTLPSpanExporter(session=_session(environ))
            self._provider.add_span_processor(export.BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("sentire", version("sentire"))

    def begin(self, scope: Scope) -> Callable[[RequestRecord], None] | None:
        """Begin the span of a request; None for health checks and scrapes."""
        if scope["path"] in _UNTRACED or scope["path"].startswith(_HEALTH):
            return None
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        span = self._tracer.start_span(
            "request",
            context=self._propagate.extract(headers, context=self._context.Context()),
            kind=self._trace.SpanKind.SERVER,
        )
        return _Span(span, self._trace, self._context).end

    def close(self) -> None:
        """Send what is left, where the receiver takes it soon."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_S)
        if closing.is_alive() and self._exporter is not None:
            self._exporter.shutdown()  # ends the tries, which go on for ten seconds a batch
            closing.join(_CLOSE_S)


class _Span:
    """The span of a request that is under way; made and ended in one task."""

    def __init__(self, span: Any, trace: Any, context: Any) -> None:
        self._span = span
        self._trace = trace
        self._context = context
        self._token = context.attach(trace.set_span_in_context(span))

    def end(self, ended: RequestRecord) -> None:
        """End it."""
        timing = ended.timing
        self._context.detach(self._token)
        if self._span.is_recording():
            self._span.update_name(f"{ended.method} {ended.route}")
            attributes: dict[str, str | int | float] = {
                "http.request.method": "_OTHER" if ended.method == "-" else ended.method,
                "http.route": ended.route,
                "http.response.status_code": ended.status,
                "sentire.request_id": ended.request_id,
            }
            if timing.n_cached:
                attributes["sentire.cache.texts"] = timing.n_cached
            if timing.model_s:
                attributes["sentire.text.seconds"] = timing.text_s
                attributes["sentire.queue.seconds"] = timing.queue_s
                attributes["sentire.model.seconds"] = timing.model_s
            self._span.set_attributes(attributes)
            if ended.status >= 500:
                self._span.set_attribute("error.type", str(ended.status))
                self._span.set_status(self._trace.StatusCode.ERROR)
        self._span.end()
