"""The gateway in front of model services that are processes or servers of their own."""

import asyncio
import logging
import socket
import threading
import time
from contextlib import ExitStack

import httpx
import msgspec
import pytest

import sentire
from sentire.backends.fake import FakeBackend
from sentire.bundle.store import read_bundle
from sentire.gateway.app import create_app
from sentire.gateway.remote import RemoteModels
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.service.app import create_app as create_service
from sentire.service.settings import Settings
from sentire.serving.models import Models
from sentire.web.keys import new_key
from sentire.web.server import bind, url_of
from sentire.web.settings import KeySettings, Limits, ServerSettings
from servers import running, serving
from tiny import make_bundle

SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(body_bytes=200_000, texts=50, text_characters=5000),
    reload_s=0.1,
)


def gateway_over(stack, *urls, **options):
    """Start a gateway; gives its URL and the models behind it."""
    models = stack.enter_context(RemoteModels(urls, **options))
    return stack.enter_context(running(create_app(models, SETTINGS), SETTINGS)), models


def until(condition, seconds=20):
    """Wait for something that happens elsewhere."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


@pytest.fixture(scope="module")
def service(tiny_models):
    with running(create_service(tiny_models, SETTINGS), SETTINGS) as url:
        yield url


@pytest.fixture(scope="module")
def url(service):
    with ExitStack() as stack:
        yield gateway_over(stack, service)[0]


def test_answers_are_those_of_the_service(url, service):
    body = {"texts": ["I love this", "", None, "太差了", "x" * 5001], "sentences": True}
    for path in ("/analyze", "/predict"):
        assert httpx.post(url + path, json=body).json() == (
            httpx.post(service + "/predict", json=body).json()
        )
    single = httpx.post(f"{url}/analyze", json={"text": "这个产品使用体验非常棒！"})
    assert list(single.json())[:3] == ["text", "label", "score"]


def test_other_dialects_are_spoken_too_and_models_are_described_by_the_service(url):
    flat = httpx.post(f"{url}/predict", json={"inputs": "good"}).json()
    [nested] = httpx.post(f"{url}/", json={"inputs": "good", "parameters": {}}).json()
    assert [row["label"] for row in flat] == [row["label"] for row in nested]
    assert httpx.get(f"{url}/v2/models").status_code == 404
    ready = httpx.get(f"{url}/health/ready").json()
    assert ready["model"]["name"] == "tiny"
    assert httpx.get(url).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        pytest.param(
            {"text": "a", "model": "other"}, 404, "model_not_found", "'other'", id="model"
        ),
        pytest.param({"text": "a", "model": "tiny@9.9.9"}, 404, "model_not_found", "9.9", id="v"),
        pytest.param({"text": ""}, 422, "empty_text", "empty", id="empty"),
        pytest.param(
            {"text": "a", "on_long": "cut"}, 422, "invalid_request", "on_long", id="option"
        ),
    ],
)
def test_refusals_are_the_same_problems(url, body, status, code, said):
    answer = httpx.post(f"{url}/analyze", json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert said in answer.json()["detail"]


def test_each_of_many_requests_at_once_gets_its_own_answer(url, tiny_analyzer):
    texts = [f"text {n} " + "好坏" * (n % 20) for n in range(300)]

    async def ask_all():
        limits = httpx.Limits(max_connections=32)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
            asked = (client.post("/analyze", json={"text": text}) for text in texts)
            return await asyncio.gather(*asked)

    for text, answer in zip(texts, asyncio.run(ask_all()), strict=True):
        assert answer.json()["text"] == text
        assert answer.json()["probabilities"] == tiny_analyzer.analyze(text).probabilities


def test_a_service_that_is_killed_is_a_clear_503_until_it_is_back(tiny_bundle, caplog):
    with ExitStack() as stack, caplog.at_level(logging.WARNING):
        process, service, _ = stack.enter_context(
            serving("serve-model", "--model", tiny_bundle, SENTIRE_SERVER_ACCESS_LOG="false")
        )
        url, _ = gateway_over(stack, service)
        assert httpx.post(f"{url}/analyze", json={"text": "a"}).status_code == 200
        process.kill()
        process.wait()
        answer = httpx.post(f"{url}/analyze", json={"text": "a"})
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert answer.json()["detail"].startswith("No model service answers.")
        assert answer.headers["retry-after"] == "1"
        assert service not in answer.text
        until(lambda: httpx.get(f"{url}/health/ready").status_code == 503)
        assert httpx.get(f"{url}/health/live").status_code == 200
        began = time.monotonic()
        for _ in range(10):
            assert httpx.post(f"{url}/analyze", json={"text": "a"}).status_code == 503
        assert time.monotonic() - began < 5, "refusals are quick"
        port = service.rpartition(":")[2]
        stack.enter_context(serving("serve-model", "--model", tiny_bundle, "--port", port))
        until(lambda: httpx.get(f"{url}/health/ready").status_code == 200)
        assert httpx.post(f"{url}/analyze", json={"text": "a"}).status_code == 200
        until(lambda: "all are ready" in caplog.text)
    said = [record.getMessage() for record in caplog.records if record.name == "sentire.models"]
    assert any(f"{service} is not reached" in line for line in said)
    assert "model services: all are ready" in said
    assert len(said) < 6, "one line for each change, not for each look or request"


def test_one_of_two_services_may_go_without_a_failed_request(tiny_bundle, tiny_models):
    with ExitStack() as stack:
        process, first, _ = stack.enter_context(serving("serve-model", "--model", tiny_bundle))
        second = stack.enter_context(running(create_service(tiny_models, SETTINGS), SETTINGS))
        url, _ = gateway_over(stack, first, second)
        texts = [f"text {n}" for n in range(600)]

        async def ask_all():
            limits = httpx.Limits(max_connections=16)
            async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
                asked = [
                    asyncio.create_task(client.post("/analyze", json={"text": text}))
                    for text in texts
                ]
                await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                process.kill()
                return await asyncio.gather(*asked)

        answers = asyncio.run(ask_all())
        assert [answer.json()["text"] for answer in answers] == texts
        assert {answer.status_code for answer in answers} == {200}


def test_a_model_is_swapped_there_without_touching_the_gateway(tmp_path):
    make_bundle(tmp_path / "one")
    make_bundle(tmp_path / "two", version="0.0.2")
    alias = tmp_path / "alias"
    alias.write_text("one", encoding="utf-8")
    with ExitStack() as stack:
        models = stack.enter_context(Models([str(alias)], open_model=sentire.load))
        service = stack.enter_context(running(create_service(models, SETTINGS), SETTINGS))
        url, _ = gateway_over(stack, service)

        def version():
            answer = httpx.post(f"{url}/analyze", json={"text": "a"})
            assert answer.status_code == 200
            return answer.json()["model"]["version"]

        assert version() == "0.0.1"
        alias.write_text("two", encoding="utf-8")
        until(lambda: version() == "0.0.2")
        until(lambda: httpx.get(f"{url}/health/ready").json()["model"]["version"] == "0.0.2")


def test_an_overloaded_service_is_a_429_at_once(tiny_bundle):
    entered, let_go = threading.Event(), threading.Event()

    class Held(FakeBackend):
        def run(self, batch):
            entered.set()
            let_go.wait()
            return super().run(batch)

    def open_model(path):
        bundle = read_bundle(path)
        backend = Held({"logits": 3, "emotion": 7})
        scheduling = Scheduling(max_waiting=1)
        scheduler = Scheduler(backend, pad_id=bundle.text_path.pad_id, scheduling=scheduling)
        return Analyzer(bundle, scheduler, engine="fake")

    with ExitStack() as stack:
        models = stack.enter_context(Models([str(tiny_bundle)], open_model=open_model))
        service = stack.enter_context(running(create_service(models, SETTINGS), SETTINGS))
        url, _ = gateway_over(stack, service)

        async def overload():
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                first = asyncio.create_task(client.post("/analyze", json={"text": "a"}))
                await asyncio.to_thread(entered.wait)
                later = (client.post("/analyze", json={"text": f"b{n}"}) for n in range(5))
                rest = [asyncio.create_task(request) for request in later]
                done, _ = await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
                refused = [task.result() for task in done]
                let_go.set()
                return refused, await asyncio.gather(first, *rest)

        try:
            refused, answers = asyncio.run(overload())
        finally:
            let_go.set()
    assert refused[0].json()["code"] == "overloaded"
    assert refused[0].headers["retry-after"] == "1"
    assert {answer.status_code for answer in answers} == {200, 429}


def test_a_caller_who_left_costs_the_service_nothing_more(tiny_bundle):
    entered, let_go, ran = threading.Event(), threading.Event(), []

    class Held(FakeBackend):
        def run(self, batch):
            entered.set()
            let_go.wait()
            ran.append(len(batch.input_ids))
            return super().run(batch)

    def open_model(path):
        bundle = read_bundle(path)
        backend = Held({"logits": 3, "emotion": 7})
        return Analyzer(bundle, Scheduler(backend, pad_id=bundle.text_path.pad_id), engine="fake")

    with ExitStack() as stack:
        models = stack.enter_context(Models([str(tiny_bundle)], open_model=open_model))
        service = stack.enter_context(running(create_service(models, SETTINGS), SETTINGS))
        url, _ = gateway_over(stack, service)

        async def leave():
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                first = asyncio.create_task(client.post("/analyze", json={"text": "a"}))
                await asyncio.to_thread(entered.wait)
                body = {"texts": ["b"] * 20}
                with pytest.raises(httpx.ReadTimeout):
                    await client.post("/analyze", json=body, timeout=0.5)
                await asyncio.sleep(0.5)
                let_go.set()
                return await first

        try:
            assert asyncio.run(leave()).status_code == 200
        finally:
            let_go.set()
        assert httpx.post(f"{url}/analyze", json={"text": "c"}).status_code == 200
    assert sum(ran) == 2


def test_a_key_that_the_service_does_not_take_is_not_the_caller_s_fault(tiny_models, tmp_path):
    presented, key = new_key("gateway")
    (tmp_path / "keys").write_text(key.line(), encoding="utf-8")
    locked = msgspec.structs.replace(SETTINGS, keys=KeySettings(file=str(tmp_path / "keys")))
    with ExitStack() as stack:
        service = stack.enter_context(running(create_service(tiny_models, locked), locked))
        outside, _ = gateway_over(stack, service, api_key="another")
        answer = httpx.post(f"{outside}/analyze", json={"text": "a"})
        assert (answer.status_code, answer.json()["code"]) == (502, "model_service_failed")
        assert "www-authenticate" not in answer.headers
        assert httpx.get(f"{outside}/health/ready").status_code == 503
        inside, _ = gateway_over(stack, service, api_key=presented)
        assert httpx.post(f"{inside}/analyze", json={"text": "a"}).status_code == 200
        assert httpx.get(f"{inside}/health/ready").status_code == 200


def test_a_gateway_starts_before_its_service(tiny_models):
    with ExitStack() as stack:
        holder = stack.enter_context(bind("127.0.0.1", 0))
        url, _ = gateway_over(stack, url_of(holder))
        assert httpx.get(f"{url}/health/ready").status_code == 503
        assert httpx.post(f"{url}/analyze", json={"text": "a"}).status_code == 503


def test_services_that_hang_are_looked_at_together_within_one_bound(service):
    with ExitStack() as stack:
        # The system takes their connections, and nobody ever answers.
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(6)]
        urls = [url_of(each) for each in silent]
        began = time.monotonic()
        models = stack.enter_context(RemoteModels([*urls, service]))
        assert time.monotonic() - began < 4, "one after the other would be twelve seconds"
        assert models.ready
        assert [state.name for state in models.listed()] == ["tiny"]
        began = time.monotonic()
        models.follow()
        assert time.monotonic() - began < 4


def test_a_service_that_answers_by_drops_ends_no_look(service):
    """Each byte comes in time, the whole answer never does."""
    stop = threading.Event()

    def drip(listener):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stop.wait(0.2):
                connection.sendall(b"X-Drop: 1\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        began = time.monotonic()
        with RemoteModels([url_of(listener), service]) as models:
            assert time.monotonic() - began < 4
            assert models.ready
            models.follow()
            assert time.monotonic() - began < 8
        stop.set()
        thread.join()
