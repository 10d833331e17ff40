import signal
import subprocess
import sys
import time

import httpx
import pytest

from otlpreceiver import receiving
from sentire.errors import MissingExtra, OptionError
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.telemetry.traces import Tracing
from sentire.web.settings import ServerSettings
from servers import running, serving

SETTINGS = Settings(server=ServerSettings(access_log=False, tracing=True), reload_s=0)
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def receiver(monkeypatch):
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield receiver


def test_a_request_is_one_span_that_says_where_its_time_went(tiny_models, receiver):
    with running(create_app(tiny_models, SETTINGS)) as url, httpx.Client(base_url=url) as client:
        for path in ("/health/live", "/v2/health/ready", "/metrics"):
            client.get(path)
        headers = {"X-Request-ID": "order-7", "traceparent": f"00-{TRACE}-{PARENT}-01"}
        answer = client.post("/predict", json={"text": "secret 很好"}, headers=headers)
        assert answer.status_code == 200
        client.post("/predict?q=secret", json={"text": ""})
        client.get("/secret")
        client.get("/v2/models/secret")
    found = receiver.spans(4)
    assert len(found) == 4
    service, about, span = found[0]
    assert service == "sentire"
    assert span.name == "POST /predict"
    assert span.kind == span.SPAN_KIND_SERVER
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert about["http.request.method"] == "POST"
    assert about["http.route"] == "/predict"
    assert about["http.response.status_code"] == 200
    assert about["sentire.request_id"] == "order-7"
    timing = dict(
        part.split(";dur=") for part in answer.headers["server-timing"].split(", ") if "dur" in part
    )
    for part in ("text", "queue", "model"):
        assert 1000 * about[f"sentire.{part}.seconds"] == pytest.approx(
            float(timing[part]), abs=0.006
        )
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60e9
    others = [(other.name, attributes) for _, attributes, other in found[1:]]
    assert [name for name, _ in others] == ["POST /predict", "GET -", "GET /v2/models/{name}"]
    assert [a["http.response.status_code"] for _, a in others] == [422, 404, 404]
    assert "sentire.model.seconds" not in others[0][1]
    assert all(span.trace_id.hex() != TRACE for _, _, span in found[1:])
    for word in ("secret", "很好"):
        assert word.encode() not in receiver.raw


def test_a_failure_of_ours_is_marked(tiny_models, receiver):
    app = create_app(tiny_models, SETTINGS)

    async def broken(_):
        raise RuntimeError("quotes a secret")

    app.direct["/predict"] = broken
    with running(app) as url:
        assert httpx.post(f"{url}/predict", json={"text": "a"}).status_code == 500
    [(_, about, span)] = receiver.spans(1)
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert about["error.type"] == "500"
    assert not span.events
    assert b"secret" not in receiver.raw


def test_whoever_asks_decides_whether_it_is_traced(tiny_models, receiver):
    with running(create_app(tiny_models, SETTINGS)) as url:
        for flags in ("00", "01"):
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-{flags}", "X-Request-ID": f"r{flags}"}
            httpx.post(f"{url}/predict", json={"text": "a"}, headers=headers)
    found = receiver.spans(1)
    assert [about["sentire.request_id"] for _, about, _ in found] == ["r01"]


def test_the_standard_variables_are_obeyed(tiny_models, receiver, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    with running(create_app(tiny_models, SETTINGS)) as url:
        httpx.post(f"{url}/predict", json={"text": "a"})
    assert receiver.spans(1)[0][0] == "shop"
    assert b"deployment.environment.name" in receiver.raw
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with running(create_app(tiny_models, SETTINGS)) as url:
        assert httpx.post(f"{url}/predict", json={"text": "a"}).status_code == 200
    assert len(receiver.spans(1)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
    ],
)
def test_what_is_not_here_is_refused_at_the_start(name, value):
    with pytest.raises(OptionError, match=name) as refused:
        Tracing({name: value})
    assert "Allowed is" in str(refused.value)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"\[otel\]'"):
        Tracing({})


def test_nothing_of_it_is_imported_unless_it_is_asked_for(tiny_bundle):
    script = f"""
import sys, sentire
from sentire.service.settings import Settings
from sentire.gateway.app import create_app
from sentire.gateway.remote import open_remote
from sentire.serving.models import Models
with Models([{str(tiny_bundle)!r}], open_model=sentire.load) as models:
    create_app(models, Settings())
ours = ("opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "requests")
sys.exit(any(name.startswith(ours) for name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_receiver_that_is_away_costs_no_request_and_no_long_end(tiny_bundle):
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    options = ["serve-model", "--model", tiny_bundle]
    with serving(*options, SENTIRE_SERVER_TRACING="true", **env) as (process, url, lines):
        for n in range(20):
            answer = httpx.post(f"{url}/predict", json={"text": f"typed {n}"}, timeout=30)
            assert answer.status_code == 200
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - began < 10
    assert not any("typed" in line for line in lines)


def test_a_trace_goes_through_gateway_and_workers_to_the_model_service(tiny_bundle, receiver):
    env = {"SENTIRE_SERVER_TRACING": "true", "SENTIRE_SERVER_ACCESS_LOG": "false"}
    service = ["serve-model", "--model", tiny_bundle, "--workers", "2", "--threads", "1"]
    with (
        serving(*service, OTEL_SERVICE_NAME="models", **env) as (process, model_url, _),
        serving("serve", "--model-url", model_url, OTEL_SERVICE_NAME="shop", **env) as (_, url, _),
    ):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "shop=1"}
        answer = httpx.post(f"{url}/analyze", json={"text": "a"}, headers=headers, timeout=30)
        assert answer.status_code == 200
        found = {name: span for name, _, span in receiver.spans(2)}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert {span.trace_id.hex() for span in found.values()} == {TRACE}
    assert found["shop"].parent_span_id.hex() == PARENT
    assert found["models"].parent_span_id == found["shop"].span_id
    assert (found["shop"].name, found["models"].name) == ("POST /analyze", "POST /predict")
    assert found["models"].trace_state == "shop=1"
