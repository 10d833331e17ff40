"""``huggingface_hub.InferenceClient`` against a server of ours."""

import asyncio
import logging
import math
import threading

import httpx
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient, close_session
from huggingface_hub.errors import BadRequestError, HfHubHTTPError

import sentire
from sentire.backends.fake import FakeBackend
from sentire.bundle.store import read_bundle
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.models import Models
from sentire.web.settings import Limits, ServerSettings
from servers import running

SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(body_bytes=100_000, texts=8, text_characters=2000),
)


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@pytest.fixture(scope="module", autouse=True)
def session():
    """The client's connections: one pool for the whole process."""
    yield
    close_session()


@pytest.fixture(scope="module")
def client(url):
    return InferenceClient(model=url, token="not-a-token")


def post(url, path="/", **body):
    return httpx.post(url + path, json=body, timeout=30)


def test_the_client_gets_every_label_with_the_probability_that_python_gives(client, tiny_analyzer):
    elements = client.text_classification("这个产品使用体验非常棒！")
    expected = tiny_analyzer.analyze("这个产品使用体验非常棒！").probabilities
    assert {element.label: element.score for element in elements} == expected
    assert elements == sorted(elements, key=lambda element: element.score, reverse=True)


def test_the_client_gets_as_many_labels_as_it_asks_for(client):
    assert len(client.text_classification("I love this", top_k=1)) == 1
    assert len(client.text_classification("I love this", top_k=9)) == 3


def test_logits_give_the_same_probabilities_after_softmax(client, tiny_analyzer):
    elements = client.text_classification("I love this", function_to_apply="none")
    total = sum(math.exp(element.score) for element in elements)
    expected = tiny_analyzer.analyze("I love this").probabilities
    for element in elements:
        assert math.exp(element.score) / total == pytest.approx(expected[element.label], abs=1e-6)


def test_the_path_that_others_use_takes_it_too(url, tiny_analyzer):
    client = InferenceClient(model=f"{url}/predict", token="not-a-token")
    label = client.text_classification("太差了")[0].label
    assert label == tiny_analyzer.analyze("太差了").label


def test_each_of_many_requests_at_once_gets_its_own_answer(url, tiny_analyzer):
    texts = [f"text {n} " + "好坏" * (n % 20) for n in range(100)]

    async def ask_all():
        async with AsyncInferenceClient(model=url, token="not-a-token") as client:
            return await asyncio.gather(*(client.text_classification(text) for text in texts))

    for text, elements in zip(texts, asyncio.run(ask_all()), strict=True):
        expected = tiny_analyzer.analyze(text).probabilities
        assert {element.label: element.score for element in elements} == expected


def test_a_list_of_texts_gets_a_list_of_answers_in_order(url, tiny_analyzer):
    texts = ["I love this", "太差了", "I love this"]
    answer = post(url, inputs=texts, parameters={"top_k": 1})
    assert [row[0]["label"] for row in answer.json()] == [
        tiny_analyzer.analyze(text).label for text in texts
    ]
    assert post(url, inputs=[], parameters={}).json() == []


def test_headers_say_who_answered_and_what_was_read(url):
    long = "the good service " * 40
    answer = post(url, inputs=long, parameters={"truncation": True})
    assert answer.headers["x-sentire-model"] == "tiny@0.0.1"
    assert "truncated" in answer.headers["x-sentire-warnings"].split(",")
    whole = post(url, inputs=long, parameters={})
    assert "truncated" not in whole.headers.get("x-sentire-warnings", "").split(",")
    read = [int(each.headers["x-compute-tokens"]) for each in (answer, whole)]
    assert read[0] < read[1]


def test_the_client_shows_why_its_text_can_not_be_scored(client):
    with pytest.raises(HfHubHTTPError, match="the text is empty") as raised:
        client.text_classification(" ")
    assert raised.value.response.status_code == 422


def test_one_text_that_can_not_be_scored_is_named_and_refuses_its_request(url):
    answer = post(url, inputs=["good", "", "bad"], parameters={})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("Text 1 of the 3, counted from 0: the text is empty")
    assert "None of them was answered" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        pytest.param({"inputs": 5}, 422, "`str | array`", id="a number"),
        pytest.param({"inputs": ["a", 5]}, 422, "inputs[1]", id="a number in a list"),
        pytest.param({"inputs": "a", "parameters": {"top_k": 0}}, 422, "top_k", id="top_k of 0"),
        pytest.param(
            {"inputs": "a", "parameters": {"function_to_apply": "sigmoid"}},
            422,
            '"softmax" or "none"',
            id="sigmoid, which these labels don't have",
        ),
        pytest.param({"inputs": "a", "parameters": {"topk": 1}}, 422, "topk", id="misspelt"),
        pytest.param({"parameters": {}}, 422, "inputs", id="no inputs"),
        pytest.param({"inputs": ["a"] * 9}, 413, "9 texts", id="too many texts"),
        pytest.param({"inputs": "x" * 2001}, 413, "2,001 characters", id="too large a text"),
        pytest.param({"inputs": "x" * 200_000}, 413, "100,000 bytes", id="too large a body"),
    ],
)
def test_what_can_not_be_answered_is_refused_in_the_client_s_shape(url, body, status, said):
    answer = post(url, **{"parameters": {}, **body})
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_garbage_is_refused_in_the_client_s_shape(url):
    headers = {"Content-Type": "application/json"}
    for body in (b"", b"{", b"\xff", b"[1]", b'"a"', b"[" * 50_000, b'{"inputs": "\\ud8'):
        answer = httpx.post(url, content=body, headers=headers)
        assert answer.status_code in {400, 422}
        assert isinstance(answer.json()["error"], str)
    assert httpx.post(url, content=b"inputs=a").status_code == 415


def test_a_path_of_another_dialect_tells_the_client_what_it_takes(url):
    client = InferenceClient(model=f"{url}/v2/models/tiny/infer", token="not-a-token")
    with pytest.raises(BadRequestError, match="BYTES"):
        client.text_classification("sent to the wrong path")


class Held(FakeBackend):
    """Computes nothing until it is let go."""

    def __init__(self, outputs):
        super().__init__(outputs)
        self.entered, self.let_go = threading.Event(), threading.Event()

    def run(self, batch):
        self.entered.set()
        self.let_go.wait()
        return super().run(batch)


class Failing(FakeBackend):
    """Breaks with a message that quotes the text, as no engine should."""

    def run(self, batch):
        raise ZeroDivisionError("while reading 'my secret text'")


def models_with(backend, bundle_path, **scheduling):
    def open_model(path):
        bundle = read_bundle(path)
        scheduler = Scheduler(
            backend, pad_id=bundle.text_path.pad_id, scheduling=Scheduling(**scheduling)
        )
        return Analyzer(bundle, scheduler, engine="fake")

    return Models([str(bundle_path)], open_model=open_model)


def test_an_overloaded_server_says_when_to_come_back(tiny_bundle):
    backend = Held({"logits": 3, "emotion": 7})
    with (
        models_with(backend, tiny_bundle, max_waiting=1) as models,
        running(create_app(models, SETTINGS)) as url,
    ):

        async def overload():
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                body = {"inputs": "a", "parameters": {}}
                first = asyncio.create_task(client.post("/", json=body))
                await asyncio.to_thread(backend.entered.wait)
                rest = [asyncio.create_task(client.post("/", json=body)) for _ in range(5)]
                done, _ = await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
                refused = [task.result() for task in done]
                backend.let_go.set()
                return refused, await asyncio.gather(first, *rest)

        try:
            refused, answers = asyncio.run(overload())
        finally:
            backend.let_go.set()
    assert refused[0].status_code == 429
    assert refused[0].headers["retry-after"] == "1"
    assert "wait" in refused[0].json()["error"]
    assert {answer.status_code for answer in answers} == {200, 429}


def test_an_unexpected_error_is_a_500_that_shows_nothing(tiny_bundle, caplog):
    with (
        caplog.at_level(logging.INFO),
        models_with(Failing({"logits": 3, "emotion": 7}), tiny_bundle) as models,
        running(create_app(models, SETTINGS)) as url,
    ):
        answer = post(url, inputs="my secret text", parameters={})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "ZeroDivisionError" in caplog.text
    assert not any(
        "secret" in record.getMessage()
        for record in caplog.records
        if record.name.startswith("sentire")
    )


def test_an_unloaded_model_is_a_503_with_retry_after(tiny_bundle):
    with (
        Models([str(tiny_bundle)], open_model=sentire.load) as models,
        running(create_app(models, SETTINGS)) as url,
    ):
        asyncio.run(models.unload("tiny"))
        answer = post(url, inputs="a", parameters={})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "unloaded" in answer.json()["error"]
