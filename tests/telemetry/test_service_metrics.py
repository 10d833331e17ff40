import asyncio
import itertools

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import sentire
from sentire.errors import SentireError
from sentire.inference.cache import AnswerCache
from sentire.request_context import RequestRecord, Timing
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.metrics import ModelMetrics
from sentire.serving.models import Models
from sentire.telemetry.metrics import Metrics
from sentire.web.settings import ServerSettings
from servers import running
from tiny import make_bundle

SETTINGS = Settings(server=ServerSettings(access_log=False), reload_s=0)


@pytest.fixture
def models(tiny_bundle):
    cache = AnswerCache(max_bytes=100_000)
    with Models([str(tiny_bundle)], open_model=sentire.load, cache=cache) as models:
        yield models


@pytest.fixture
def client(models):
    with (
        running(create_app(models, SETTINGS)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def figures(client):
    """Every sample: name and labels -> value."""
    text = client.get("/metrics").text
    return {
        (
            sample.name,
            *(value for name, value in sorted(sample.labels.items()) if name != "digest"),
        ): (sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_request_and_text_is_counted_once(client):
    for _ in range(3):
        client.post("/predict", json={"texts": ["I love this", "", "I love this"]})
    client.post("/predict", json={"text": "太差了", "sentences": True})
    client.post("/predict", content=b"{", headers={"Content-Type": "application/json"})
    client.get("/nothing/my-secret")
    client.get("/predict")
    found = figures(client)
    assert found["sentire_requests_total", "POST", "/predict", "200"] == 4
    assert found["sentire_requests_total", "POST", "/predict", "400"] == 1
    assert found["sentire_requests_total", "GET", "-", "404"] == 1
    assert found["sentire_request_seconds_count", "/predict"] == 5 + found.get(
        ("sentire_requests_total", "GET", "/predict", "405"), 0
    )
    assert (
        found["sentire_request_seconds_bucket", "+Inf", "/predict"]
        == found["sentire_request_seconds_count", "/predict"]
    )
    texts = {key[2]: n for key, n in found.items() if key[0] == "sentire_texts_total"}
    assert texts.pop("empty_text") == 3
    assert sum(texts.values()) == 7
    sources = {key[1]: n for key, n in found.items() if key[0] == "sentire_cache_texts_total"}
    assert sources == {"memory": 4, "shared": 0, "joined": 1, "model": 5}
    n_rows = found["sentire_batch_rows_sum", "tiny"]
    assert n_rows == found["sentire_queue_wait_seconds_count", "tiny"]
    assert (
        found["sentire_inference_seconds_count", "tiny"]
        == found["sentire_batch_rows_count", "tiny"]
    )
    tokens = found["sentire_tokens_total", "text", "tiny"]
    padding = found["sentire_tokens_total", "padding", "tiny"]
    assert tokens + padding == found["sentire_batch_tokens_sum", "tiny"]
    assert n_rows * 3 <= tokens


def test_no_label_comes_from_a_client(client):
    before = {key[1:] for key in figures(client) if key[0] == "sentire_requests_total"}
    for n in range(20):
        client.get(f"/path/{n}")
        client.get(f"/v2/models/model-{n}")
        client.request(f"METHOD{n}"[:6], "/predict")
        client.post("/predict", json={"text": "a", "model": f"none-{n}"})
    after = {key[1:] for key in figures(client) if key[0] == "sentire_requests_total"}
    assert len(after - before) <= 6
    labels = [(key[0] + key[1]).replace("/v2/", "/") for key in after]
    assert not any(character.isdigit() for label in labels for character in label)


def test_models_and_swaps_are_told(tmp_path):
    alias = tmp_path / "live.txt"
    for version in ("1.0.0", "2.0.0"):
        make_bundle(tmp_path / version, version=version)
    alias.write_text("1.0.0\n")
    with (
        Models([f"live={alias}"], open_model=sentire.load) as models,
        running(create_app(models, SETTINGS)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        for n, target in enumerate(("2.0.0", "none", "1.0.0"), 1):
            alias.write_text(f"{target}\n")
            try:
                asyncio.run(models.load("live"))
            except SentireError:
                assert target == "none"
            client.post("/predict", json={"text": f"I love this {n}"})
            found = figures(client)
            assert found["sentire_queue_wait_seconds_count", "live"] == n
        assert found["sentire_swaps_total", "live", "taken"] == 2
        assert found["sentire_swaps_total", "live", "refused"] == 1
        infos = [key for key in found if key[0] == "sentire_model_info"]
        assert infos == [("sentire_model_info", "fake", "live", "1.0.0")]
        assert found["sentire_model_ready", "live"] == 1
        models.close()
        assert figures(client)["sentire_model_ready", "live"] == 0


def test_two_applications_do_not_share_their_counts(tiny_bundle):
    clients = []
    with (
        Models([str(tiny_bundle)], open_model=sentire.load) as one,
        Models([str(tiny_bundle)], open_model=sentire.load) as two,
        running(create_app(one, SETTINGS)) as first,
        running(create_app(two, SETTINGS)) as second,
    ):
        clients = [httpx.Client(base_url=url) for url in (first, second)]
        clients[0].post("/predict", json={"text": "a"})
        names = [
            ("sentire_requests_total", "POST", "/predict", "200") in figures(c) for c in clients
        ]
        for client in clients:
            client.close()
    assert names == [True, False]


def test_names_follow_the_rules(client):
    text = client.get("/metrics").text
    for family in text_string_to_metric_families(text):
        assert family.name.startswith(("sentire_", "process_"))
        assert family.documentation.endswith(".") or family.name.startswith("process_")


def test_a_scraper_that_knows_open_metrics_gets_it(client):
    answer = client.get(
        "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert client.get("/metrics").headers["content-type"].startswith("text/plain")


def test_counting_costs_little(models):
    """Not a benchmark: it fails where a label is looked up in a way that grows."""
    metrics = Metrics()
    ModelMetrics(metrics, models)
    count = metrics.begin({})
    for n in itertools.count():
        count(RequestRecord("POST", "/predict", 200, 0.001, "-", Timing()))
        if n == 1000:
            break
    page, _ = metrics.page("")
    assert page.count(b"\n") < 400


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_no_series_tells_when_it_began(client, accept):
    client.post("/predict", json={"text": "a"})
    page = client.get("/metrics", headers={"Accept": accept}).text
    assert "sentire_requests_total{" in page
    assert "_created" not in page


class Failing:
    """An observer that fails at whatever it is told."""

    def batch_ran(self, batch):
        raise ZeroDivisionError("a secret text")

    def answered(self, answers):
        raise ZeroDivisionError("a secret text")


def test_another_observer_that_fails_costs_no_request_and_no_count(models, client, caplog):
    models.slots[0].observe(Failing())
    for text in ("one", "two"):
        answer = client.post("/predict", json={"text": text})
        assert answer.status_code == 200
    assert figures(client)["sentire_batch_rows_count", "tiny"] == 2
    assert models.ready
    assert caplog.text.count("observer Failing failed: ZeroDivisionError") == 1
    assert "secret" not in caplog.text
