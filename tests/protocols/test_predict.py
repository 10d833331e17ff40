import asyncio

import httpx
import pytest

from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import Limits, ServerSettings
from servers import running

SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(body_bytes=200_000, texts=50, text_characters=5000),
)


@pytest.fixture(scope="module")
def client(tiny_models):
    with (
        running(create_app(tiny_models, SETTINGS)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def test_a_text_gets_the_prediction_that_python_gives(client, tiny_analyzer):
    body = {"text": "房间很大，但是服务太差了。", "sentences": True, "emotion": True}
    answer = client.post("/predict", json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    expected = tiny_analyzer.analyze(body["text"], sentences=True, emotion=True)
    assert list(answer.json())[:3] == ["text", "label", "score"]
    assert answer.json()["probabilities"] == expected.probabilities
    assert len(answer.json()["sentences"]) == 2


def test_texts_keep_their_order_and_errors_their_place(client):
    texts = ["I love this", "", None, 5, {"a": 1}, "太差了", "x" * 5001, "I love this"]
    predictions = client.post("/predict", json={"texts": texts}).json()["predictions"]
    codes = [p["error"]["code"] if "error" in p else p["label"] for p in predictions]
    assert [p["text"] for p in predictions] == [t if isinstance(t, str) else "" for t in texts]
    assert codes[1:5] == ["empty_text", "not_text", "not_text", "not_text"]
    assert codes[6] == "text_too_large"
    assert predictions[0] == predictions[7]


def test_no_texts_give_no_predictions(client):
    assert client.post("/predict", json={"texts": []}).json() == {"predictions": []}


def test_half_an_emoji_is_read_as_a_replacement_character(client):
    body = rb'{"text": "I love this \ud83d \\ud83d \ud83d\ude00"}'
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["text"] == "I love this \ufffd \\ud83d \U0001f600"


def test_each_of_many_requests_at_once_gets_its_own_answer(client, tiny_analyzer):
    texts = [f"text {n} " + "好坏" * (n % 20) for n in range(200)]

    async def ask_all():
        limits = httpx.Limits(max_connections=32)
        async with httpx.AsyncClient(base_url=client.base_url, limits=limits, timeout=60) as many:
            return await asyncio.gather(
                *(many.post("/predict", json={"text": text}) for text in texts)
            )

    for text, answer in zip(texts, asyncio.run(ask_all()), strict=True):
        assert answer.json()["text"] == text
        assert answer.json()["probabilities"] == tiny_analyzer.analyze(text).probabilities


def test_health_tells_that_the_model_is_ready_and_which(client):
    assert client.get("/health/live").json() == {"status": "live"}
    ready = client.get("/health/ready").json()
    assert (ready["status"], ready["model"]["name"]) == ("ready", "tiny")


def test_the_openapi_document_describes_the_bodies_that_are_taken(client):
    document = client.get("/openapi.json").json()
    request = document["components"]["schemas"]["PredictRequest"]
    assert request["additionalProperties"] is False
    assert set(request["properties"]) == {
        "text",
        "texts",
        "sentences",
        "emotion",
        "on_long",
        "model",
    }
    prediction = document["components"]["schemas"]["Prediction"]
    answer = client.post("/predict", json={"text": "I love this"}).json()
    assert set(prediction["required"]) <= set(answer) <= set(prediction["properties"])
    for example in request["examples"]:
        assert client.post("/predict", json=example).status_code == 200
    assert set(document["paths"]["/predict"]["post"]["responses"]) == {
        "200",
        "400",
        "404",
        "408",
        "413",
        "415",
        "422",
        "429",
        "503",
    }
    refs = {r for r in str(document).split("'") if r.startswith("#/components/schemas/")}
    assert {r.rpartition("/")[2] for r in refs} <= set(document["components"]["schemas"])
