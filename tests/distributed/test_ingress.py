"""The rings around the application, and what they tell: waits, pages, the proxy's refusals."""

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response

import sentire
from sentire.backends.fake import FakeBackend
from sentire.bundle.store import read_bundle
from sentire.distributed.ingress import Ingress
from sentire.distributed.metrics_pages import MetricsPages, merge_pages
from sentire.distributed.proxy_errors import ProxyErrors
from sentire.distributed.queue_wait import QueueWait
from sentire.distributed.replica import check_ready
from sentire.errors import Closed
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.models import Models
from sentire.types import PredictOptions


def ask(app, method, path, *, root_path="", **request):
    """One request, as Ray hands it on under a ``route_prefix``."""

    async def send():
        transport = httpx.ASGITransport(app, root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, **request)

    return asyncio.run(send())


async def nothing(_):
    raise AssertionError


@pytest.mark.parametrize("prefix", ["", "/opinion", "/a/b"])
def test_an_application_under_a_prefix_is_the_one_at_the_root(tiny_models, prefix):
    ingress = Ingress(create_app(tiny_models, Settings()), gather=nothing)
    given = {"root_path": prefix, "headers": {"X-Request-ID": "mine"}}
    answer = ask(ingress, "POST", f"{prefix}/predict", json={"text": "I love this"}, **given)
    assert answer.json()["model"]["name"] == "tiny"
    assert "x-request-id" not in answer.headers  # the proxy adds it
    refused = ask(ingress, "POST", f"{prefix}/v2/models/tiny/infer", content=b"{", **given)
    assert list(refused.json()) == ["error"]
    faces = ask(ingress, "POST", f"{prefix}/", json={"inputs": "I love this"}, **given)
    assert {"label", "score"} == faces.json()[0].keys()
    assert ask(ingress, "GET", f"{prefix}/health/ready", **given).status_code == 200


def test_only_those_who_may_see_a_page_get_the_one_of_all(tiny_models, tmp_path):
    async def gather(accept):
        return b"all", "text/x"

    ingress = Ingress(create_app(tiny_models, Settings()), gather=gather)
    page = ask(ingress, "GET", "/metrics")
    assert (page.content, page.headers["content-type"]) == (b"all", "text/x")
    head = ask(ingress, "HEAD", "/metrics").headers
    assert (head["content-length"], head["content-type"]) == ("3", "text/x")
    keys = tmp_path / "keys.txt"
    keys.write_text(f"shop:sha256:{64 * '0'}\n")
    with_keys = Settings(keys=type(Settings().keys)(file=str(keys)))
    ingress = Ingress(create_app(tiny_models, with_keys), gather=gather)
    assert ask(ingress, "GET", "/metrics").status_code == 401


def test_waits_are_those_of_requests_that_needed_the_model(tiny_models):
    waits = QueueWait(create_app(tiny_models, Settings()))
    assert waits.take_ms() == 0.0
    ask(waits, "GET", "/health/ready")
    assert waits.take_ms() == 0.0
    answer = ask(waits, "POST", "/predict", json={"text": "I love this"})
    said = answer.headers["server-timing"].partition("queue;dur=")[2].partition(",")[0]
    assert waits.take_ms() == float(said) > 0.0
    assert waits.take_ms() == 0.0


@pytest.mark.parametrize(
    "accept", ["", "application/openmetrics-text; version=1.0.0"], ids=["text", "openmetrics"]
)
def test_a_page_of_all_holds_every_figure_under_its_replica(tiny_models, accept):
    apps = {name: create_app(tiny_models, Settings()) for name in "ab"}
    ask(apps["b"], "POST", "/predict", json={"text": "I love this"})
    pages = {name: app.metrics.page("")[0] for name, app in apps.items()}
    text = merge_pages(pages, accept)[0].decode()
    for name in "ab":
        assert f'sentire_model_ready{{model="tiny",replica="{name}"}} 1.0' in text
    counted = 'sentire_requests_total{method="POST",replica="b",route="/predict",status="200"} 1.0'
    assert counted in text
    assert text.count("# TYPE sentire_model_ready gauge") == 1


def test_a_replica_that_is_not_heard_of_is_left_out():
    pages = MetricsPages(keep_s=60)
    assert pages.exchange("a", b"1") == {"a": b"1"}
    assert pages.exchange("b", b"2") == {"a": b"1", "b": b"2"}
    pages.drop("a")
    assert pages.exchange("b", b"3") == {"b": b"3"}
    brief = MetricsPages(keep_s=0)
    brief.exchange("a", b"1")
    assert "a" not in brief.exchange("b", b"2")


class Dying(FakeBackend):
    """Its thread ends at the first batch."""

    def run(self, batch):
        raise SystemExit("the engine took its thread along")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_replica_whose_model_died_says_that_it_is_ill(tiny_bundle):
    bundle = read_bundle(tiny_bundle)
    dying = Scheduler(Dying({"logits": 3, "emotion": 7}), pad_id=bundle.text_path.pad_id)
    opened = [Analyzer(bundle, dying, engine="fake"), sentire.load(tiny_bundle)]
    with Models([str(tiny_bundle)], open_model=lambda _: opened.pop(0)) as models:
        check_ready(models)
        with pytest.raises(Closed):
            asyncio.run(models.get().predict(["I love this"], PredictOptions()))
        with pytest.raises(Closed, match=r"tiny 0\.0\.1: Its worker ended"):
            check_ready(models)
        models.follow()
        check_ready(models)


REFUSALS = [
    pytest.param(PlainTextResponse("Path '/x' not found.", 404), 404, "not_found", id="no such"),
    pytest.param(
        PlainTextResponse("busy", 429, {"Retry-After": "1"}), 429, "overloaded", id="full"
    ),
    pytest.param(PlainTextResponse("unavailable", 503), 503, "not_ready", id="no replica"),
    pytest.param(PlainTextResponse("timed out", 408), 503, "timed_out", id="too late"),
    pytest.param(PlainTextResponse("", 500), 503, "replica_lost", id="it failed"),
    pytest.param(None, 503, "replica_lost", id="no answer at all"),
]


@pytest.mark.parametrize(("said", "status", "code"), REFUSALS)
def test_the_proxy_refuses_as_the_service_does(said, status, code):
    async def proxy(scope, receive, send):
        if said is not None:
            await said(scope, receive, send)

    problem = ask(ProxyErrors(proxy), "POST", "/predict")
    assert (problem.status_code, problem.json()["code"]) == (status, code)
    assert problem.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in problem.headers) == (code not in {"not_found", "timed_out"})
    assert list(ask(ProxyErrors(proxy), "POST", "/v2/models/tiny/infer").json()) == ["error"]


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        pytest.param(Response('{"code":"x"}', 429, media_type="application/json"), "/", id="json"),
        pytest.param(PlainTextResponse("figures"), "/metrics", id="a page"),
        pytest.param(PlainTextResponse("draining", 503), "/-/healthz", id="a page of Ray's"),
    ],
)
def test_what_a_replica_or_a_page_of_ray_says_is_left_alone(answer, path):
    passed = ask(ProxyErrors(answer), "GET", path)
    assert (passed.status_code, passed.content) == (answer.status_code, answer.body)
