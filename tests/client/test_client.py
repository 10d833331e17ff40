"""Both clients against servers that really run."""

import asyncio
import itertools
import pickle
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

import sentire
from sentire.backends.fake import FakeBackend
from sentire.bundle.store import read_bundle
from sentire.client import AsyncClient, Client, Patience
from sentire.config import Keys, Limits, Server, Settings
from sentire.errors import (
    Closed,
    EmptyText,
    NotText,
    OptionError,
    RequestRefused,
    ServiceFailed,
    ServiceOverloaded,
    ServiceUnreachable,
    TextError,
)
from sentire.gateway.app import create_app as create_gateway
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.service.app import create_app
from sentire.service.keys import new_key
from sentire.service.models import Models
from sentire.service.server import bind, url_of
from sentire.types import Prediction
from servers import running, serving

SETTINGS = Settings(
    server=Server(access_log=False),
    limits=Limits(body_bytes=40_000, texts=50, text_characters=5000),
)
QUICK = Patience(timeout_s=20, tries=3, longest_wait_s=1)


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@pytest.fixture(scope="module")
def client(url):
    with Client(url, patience=QUICK) as client:
        yield client


class Both:
    """Calls the blocking client and the asynchronous one, and finds that they say the same."""

    def __init__(self, *urls, **options):
        self.urls, self.options = urls, options

    def analyze(self, text, **wanted):
        with Client(self.urls, **self.options) as client:
            first = self._outcome(lambda: client.analyze(text, **wanted))

        async def second():
            async with AsyncClient(self.urls, **self.options) as client:
                return await client.analyze(text, **wanted)

        other = self._outcome(lambda: asyncio.run(second()))
        assert (type(first), str(first)) == (type(other), str(other))
        if isinstance(first, Exception):
            raise first
        return first

    def analyze_many(self, texts, **wanted):
        with Client(self.urls, **self.options) as client:
            first = list(client.analyze_many(iter(texts), **wanted))

        async def second():
            async with AsyncClient(self.urls, **self.options) as client:
                return [record async for record in client.analyze_many(iter(texts), **wanted)]

        assert asyncio.run(second()) == first
        return first

    @staticmethod
    def _outcome(ask):
        try:
            return ask()
        except Exception as error:
            return error


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
        pytest.param(5, {}, NotText, "of type int", id="a number"),
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
    settings = msgspec.structs.replace(SETTINGS, keys=Keys(file=str(tmp_path / "keys")))
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


class Held(FakeBackend):
    """Computes nothing until it is let go."""

    def __init__(self):
        super().__init__({"logits": 3, "emotion": 7})
        self.entered, self.let_go = threading.Event(), threading.Event()

    def run(self, batch):
        self.entered.set()
        self.let_go.wait()
        return super().run(batch)


@contextmanager
def held(tiny_bundle, settings=SETTINGS):
    """A server whose model computes nothing until it is let go, and whose queue holds one text."""
    backend = Held()

    def open_model(path):
        bundle = read_bundle(path)
        scheduler = Scheduler(
            backend, pad_id=bundle.text_path.pad_id, scheduling=Scheduling(max_waiting=1)
        )
        return Analyzer(bundle, scheduler, engine="fake")

    with (
        Models([str(tiny_bundle)], open_model=open_model) as models,
        running(create_app(models, settings), settings) as url,
    ):
        try:
            yield url, backend
        finally:
            backend.let_go.set()


def fill(url, backend):
    """Keep the model busy and its queue full; gives the threads that wait for their answers."""
    is_full = threading.Event()

    def post(text):
        answer = httpx.post(f"{url}/predict", json={"text": text}, timeout=60)
        if answer.status_code == 429:
            is_full.set()

    threads = [threading.Thread(target=post, args=(text,)) for text in "abcd"]
    threads[0].start()
    assert backend.entered.wait(30)
    for thread in threads[1:]:
        thread.start()
    assert is_full.wait(30)
    return threads


def test_an_overloaded_server_is_asked_again_when_it_said(tiny_bundle):
    with held(tiny_bundle) as (url, backend):
        threads = fill(url, backend)
        timer = threading.Timer(0.2, backend.let_go.set)
        timer.start()
        began = time.monotonic()
        with Client(url, patience=Patience(longest_wait_s=2)) as client:
            assert client.analyze("later").text == "later"
        assert time.monotonic() - began >= 1, "Retry-After is 1 s"
        for thread in (*threads, timer):
            thread.join()


def test_an_overloaded_server_is_an_error_where_there_is_no_patience(tiny_bundle):
    with held(tiny_bundle) as (url, backend):
        threads = fill(url, backend)
        began = time.monotonic()
        with pytest.raises(ServiceOverloaded) as raised:
            Both(url, patience=Patience(longest_wait_s=0.1)).analyze("later")
        assert time.monotonic() - began < 1
        assert raised.value.retry_after_s == 1
        backend.let_go.set()
        for thread in threads:
            thread.join()


def test_a_slow_model_ends_at_the_deadline(tiny_bundle):
    with held(tiny_bundle) as (url, _):
        began = time.monotonic()
        with pytest.raises(ServiceUnreachable):
            Both(url, patience=Patience(timeout_s=0.5)).analyze("a")
        assert time.monotonic() - began < 5


@contextmanager
def silent():
    """An address that takes connections and never says a word."""
    with bind("127.0.0.1", 0) as sock:
        sock.listen(64)
        yield url_of(sock)


def test_a_silent_server_is_given_up_for_another(url, tiny_analyzer):
    with silent() as quiet:
        patience = Patience(timeout_s=20, one_try_s=0.3)
        began = time.monotonic()
        assert Both(quiet, url, patience=patience).analyze("good") == tiny_analyzer.analyze("good")
        assert time.monotonic() - began < 5
        with pytest.raises(ServiceUnreachable, match="did not answer within"):
            Both(quiet, patience=Patience(timeout_s=0.3, tries=1)).analyze("good")


def test_an_address_where_nothing_listens_is_a_clear_error():
    with bind("127.0.0.1", 0) as sock:  # bound, and not listening
        nowhere = url_of(sock)
        with pytest.raises(ServiceUnreachable) as raised:
            Both(nowhere, patience=QUICK).analyze("a")
    assert raised.value.reasons == (f"{nowhere} is not reached",)


def test_a_server_that_breaks_off_its_answer_is_asked_again():
    with bind("127.0.0.1", 0) as sock:
        sock.listen(64)
        sock.settimeout(30)
        seen = []

        def serve():
            for _ in range(4):
                line, _ = sock.accept()
                with line:
                    seen.append(line.recv(65536)[:20])
                    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{")
                    line.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ServiceUnreachable, match="broke off the connection"):
            Both(url_of(sock), patience=Patience(tries=2)).analyze("a")
        thread.join()
    assert seen == [b"POST /predict HTTP/1.1"[:20]] * 4


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


def test_killing_one_of_two_servers_under_load_loses_nothing(tiny_bundle, tiny_analyzer):
    with (
        serving("serve-model", "--model", tiny_bundle) as (process, first, _),
        serving("serve-model", "--model", tiny_bundle) as (_, second, _),
        Client([first, second], chunk=4, concurrency=8) as client,
    ):
        texts = [f"text {n} " + "好坏" * (n % 20) for n in range(4000)]
        records = []
        for record in client.analyze_many(texts):
            records.append(record)
            if len(records) == 1000:
                process.kill()
        assert [record.text for record in records] == texts
        assert all(isinstance(record, Prediction) for record in records)
        assert records[3999] == tiny_analyzer.analyze(texts[3999])


def test_a_server_that_comes_back_is_asked_again(tiny_bundle):
    with (
        Models([str(tiny_bundle)], open_model=sentire.load) as models,
        bind("127.0.0.1", 0) as holder,
    ):
        url = url_of(holder)  # the port is ours, and nothing listens on it yet
        with Client(url, patience=Patience(timeout_s=30, tries=50)) as client:
            with pytest.raises(ServiceUnreachable):
                Client(url, patience=Patience(tries=3)).analyze("a")
            answers = []
            asking = threading.Thread(target=lambda: answers.append(client.analyze("a")))
            asking.start()
            with serving_on(holder, create_app(models, SETTINGS)):
                asking.join(30)
    assert [answer.text for answer in answers] == ["a"]


@contextmanager
def serving_on(sock, app):
    """Serve an application on a socket that is bound already."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
