"""Both clients against servers that really run, and what they say of what comes back."""

import asyncio
import itertools
import pickle
import subprocess
import sys
import threading

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from both import Both
from sentire.client import AsyncClient, Client, RetryPolicy
from sentire.errors import (
    Closed,
    EmptyText,
    NotText,
    OptionError,
    RequestRefused,
    ServiceFailed,
    TextError,
)
from sentire.gateway.app import create_app as create_gateway
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.keys import new_key
from sentire.web.settings import KeySettings, Limits, ServerSettings
from servers import running

SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(body_bytes=40_000, texts=50, text_characters=5000),
)


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@pytest.fixture(scope="module")
def client(url):
    with Client(url, retry=RetryPolicy(timeout_s=20)) as client:
        yield client


def test_a_text_gets_the_prediction_that_python_gives(url, tiny_analyzer):
    text = "房间很大，但是服务太差了。\ud83d"
    wanted = {"sentences": True, "emotion": True}
    assert Both(url).analyze(text, **wanted) == tiny_analyzer.analyze(text, **wanted)


def test_the_gateway_answers_it_as_well(tiny_models, tiny_analyzer):
    with running(create_gateway(tiny_models, SETTINGS)) as url:
        assert Both(f"{url}/").analyze("good") == tiny_analyzer.analyze("good")


def test_any_values_give_as_many_records_in_their_order(url, tiny_analyzer):
    kinds = [None, 5, "", "good", "x" * 6000, "太差了", b"bytes", "half \ud83d", {"a": 1}]
    values = [kinds[n % len(kinds)] if n % 3 else f"text {n}" for n in range(500)]
    records = Both(url, chunk=16).analyze_many(values)
    assert len(records) == len(values)
    for value, record in zip(values, records, strict=True):
        if not isinstance(value, str):
            assert (record.text, record.error.code) == ("", "not_text")
        elif len(value) == 6000:
            assert (record.text, record.error.code) == (value, "text_too_large")
        elif value == "":
            assert record.error.code == "empty_text"
        else:
            assert record == tiny_analyzer.analyze(value)


def test_what_is_too_large_for_a_request_is_asked_for_in_halves(url, tiny_analyzer):
    """The server takes 50 texts and 40,000 bytes in one request."""
    values = [*["good"] * 130, "x" * 50_000, "bad", *["长" * 3000] * 9]
    records = Both(url, chunk=1000).analyze_many(values)
    assert len(records) == len(values)
    assert records[130].error.code == "text_too_large"
    assert [record.text for record in records] == values
    assert records[131] == tiny_analyzer.analyze("bad")


def test_a_stream_is_read_no_further_than_a_few_requests(client):
    read = itertools.count()
    endless = (f"text {next(read)}" for _ in itertools.repeat(None))
    records = client.analyze_many(endless)
    first = [next(records).text for _ in range(70)]
    records.close()
    assert first == [f"text {n}" for n in range(70)]
    assert next(read) <= 64 * 8


def test_an_asynchronous_stream_is_read_in_the_same_way(url):
    read = itertools.count()

    async def endless():
        while True:
            yield f"text {next(read)}"

    async def ask():
        async with AsyncClient(url) as client:
            records = client.analyze_many(endless())
            first = [(await anext(records)).text for _ in range(70)]
            await records.aclose()
            return first

    assert asyncio.run(ask()) == [f"text {n}" for n in range(70)]
    assert next(read) <= 64 * 8


def test_one_request_is_scored_by_one_version(url, tiny_analyzer):
    async def ask():
        async with AsyncClient(url) as client:
            return await client.analyze_together(["good", None, "bad"], model="tiny@0.0.1")

    records = asyncio.run(ask())
    assert records[0] == tiny_analyzer.analyze("good")
    assert records[1].error.code == "not_text"


def test_threads_share_a_client_and_each_gets_its_own_answers(client, tiny_analyzer):
    wrong = []

    def ask(number):
        for n in range(25):
            text = f"thread {number} text {n} " + "好坏" * (n % 9)
            if client.analyze(text) != tiny_analyzer.analyze(text):
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "options", "error", "said"),
    [
        pytest.param(" ", {}, EmptyText, "empty", id="empty"),
        pytest.param(5, {}, NotText, "a number", id="a number"),
        pytest.param("x" * 6000, {}, TextError, "6,000 characters", id="too large"),
        pytest.param("good " * 99, {"on_long": "error"}, TextError, "tokens", id="too long"),
        pytest.param("a", {"on_long": "cut"}, RequestRefused, "on_long", id="option"),
        pytest.param("a", {"model": "other"}, RequestRefused, "no model 'other'", id="model"),
        pytest.param("a", {"model": "tiny@9.9.9"}, RequestRefused, "9.9.9", id="version"),
    ],
)
def test_refusals_are_errors_of_ours(url, text, options, error, said):
    with pytest.raises(error, match=said):
        Both(url).analyze(text, **options)


def test_errors_carry_what_a_program_needs(client):
    with pytest.raises(RequestRefused) as refused:
        client.analyze("a", model="other")
    assert (refused.value.status, refused.value.code) == (404, "model_not_found")
    with pytest.raises(TextError) as unscored:
        client.analyze("good " * 99, on_long="error")
    for error in (refused.value, unscored.value):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), copy.code) == (type(error), str(error), error.code)
    assert unscored.value.code == "text_too_long"


def test_a_key_opens_a_server_that_asks_for_one(tiny_models, tmp_path):
    presented, key = new_key("analyst")
    (tmp_path / "keys").write_text(key.line(), encoding="utf-8")
    settings = msgspec.structs.replace(SETTINGS, keys=KeySettings(file=str(tmp_path / "keys")))
    with running(create_app(tiny_models, settings), settings) as url:
        assert Both(url, api_key=presented).analyze("good").text == "good"
        for wrong in (None, "another"):
            with pytest.raises(RequestRefused, match="key") as raised:
                Both(url, api_key=wrong).analyze("good")
            assert raised.value.status == 401


def test_what_a_server_says_of_itself_can_be_fetched(client):
    assert msgspec.json.decode(client.fetch("/v2/models"))["models"] == ["tiny"]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        pytest.param("127.0.0.1:8080", {}, id="no scheme"),
        pytest.param([], {}, id="no address"),
        pytest.param("http://a", {"chunk": 0}, id="chunk"),
        pytest.param("http://a", {"concurrency": 0}, id="concurrency"),
    ],
)
def test_impossible_settings_are_refused_at_once(url, options):
    with pytest.raises(OptionError):
        Client(url, **options)


def test_a_closed_client_says_so(url):
    client = Client(url)
    client.close()
    with pytest.raises(Closed):
        client.analyze("a")


def test_importing_the_client_loads_no_engine_and_no_server():
    heavy = "{'openvino', 'numpy', 'tokenizers', 'fastapi', 'starlette', 'httpx'}"
    code = f"import sentire.client, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(PlainTextResponse("hello"), id="text"),
        pytest.param(JSONResponse({"label": "positive"}), id="other JSON"),
        pytest.param(JSONResponse({"predictions": [{"text": "a"}]}), id="half a record"),
        pytest.param(JSONResponse({"predictions": []}), id="too few"),
        pytest.param(
            JSONResponse({"predictions": [{"text": "b", "error": {"code": "c", "message": "m"}}]}),
            id="for another text",
        ),
        pytest.param(PlainTextResponse("not here", 404), id="another server's 404"),
        pytest.param(PlainTextResponse("broken", 500), id="another server's 500"),
    ],
)
def test_what_is_no_answer_to_the_request_is_never_taken_for_one(answer):
    async def predict(_):
        return answer

    other = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
    with running(other) as url, pytest.raises(ServiceFailed, match=url):
        Both(url).analyze("a")
