"""Servers that are overloaded, slow, silent or gone: the clients wait, go elsewhere, or say so."""

import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

import sentire
from both import Both
from held import Held, models_with
from sentire.client import Client, RetryPolicy
from sentire.errors import ServiceOverloaded, ServiceUnreachable
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.models import Models
from sentire.types import Prediction
from sentire.web.server import bind, url_of
from sentire.web.settings import ServerSettings
from servers import running, serving

SETTINGS = Settings(server=ServerSettings(access_log=False))


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@contextmanager
def held(tiny_bundle):
    """A server whose model computes nothing until it is let go, and whose queue holds one text."""
    backend = Held()
    with (
        models_with(backend, tiny_bundle, max_waiting=1) as models,
        running(create_app(models, SETTINGS)) as url,
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
        with Client(url, retry=RetryPolicy(longest_wait_s=2)) as client:
            assert client.analyze("later").text == "later"
        assert time.monotonic() - began >= 1, "Retry-After is 1 s"
        for thread in (*threads, timer):
            thread.join()


def test_an_overloaded_server_is_an_error_where_there_is_no_patience(tiny_bundle):
    with held(tiny_bundle) as (url, backend):
        threads = fill(url, backend)
        began = time.monotonic()
        with pytest.raises(ServiceOverloaded) as raised:
            Both(url, retry=RetryPolicy(longest_wait_s=0.1)).analyze("later")
        assert time.monotonic() - began < 1
        assert raised.value.retry_after_s == 1
        backend.let_go.set()
        for thread in threads:
            thread.join()


def test_a_slow_model_ends_at_the_deadline(tiny_bundle):
    with held(tiny_bundle) as (url, _):
        began = time.monotonic()
        with pytest.raises(ServiceUnreachable):
            Both(url, retry=RetryPolicy(timeout_s=0.5)).analyze("a")
        assert time.monotonic() - began < 5


@contextmanager
def silent():
    """An address that takes connections and never says a word."""
    with bind("127.0.0.1", 0) as sock:
        sock.listen(64)
        yield url_of(sock)


def test_a_silent_server_is_given_up_for_another(url, tiny_analyzer):
    with silent() as quiet:
        retry = RetryPolicy(timeout_s=20, one_try_s=0.3)
        began = time.monotonic()
        assert Both(quiet, url, retry=retry).analyze("good") == tiny_analyzer.analyze("good")
        assert time.monotonic() - began < 5
        with pytest.raises(ServiceUnreachable, match="did not answer within"):
            Both(quiet, retry=RetryPolicy(timeout_s=0.3, tries=1)).analyze("good")


def test_an_address_where_nothing_listens_is_a_clear_error():
    with bind("127.0.0.1", 0) as sock:  # bound, and not listening
        nowhere = url_of(sock)
        with pytest.raises(ServiceUnreachable) as raised:
            Both(nowhere, retry=RetryPolicy(timeout_s=20, tries=3, longest_wait_s=1)).analyze("a")
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
            Both(url_of(sock), retry=RetryPolicy(tries=2)).analyze("a")
        thread.join()
    assert seen == [b"POST /predict HTTP/1.1"[:20]] * 4


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
        with Client(url, retry=RetryPolicy(timeout_s=30, tries=50)) as client:
            with pytest.raises(ServiceUnreachable):
                Client(url, retry=RetryPolicy(tries=3)).analyze("a")
            answers = []
            asking = threading.Thread(target=lambda: answers.append(client.analyze("a")))
            asking.start()
            with serving_on(holder, create_app(models, SETTINGS)):
                asking.join(30)
    assert [answer.text for answer in answers] == ["a"]


@contextmanager
def serving_on(sock, app):
    """Serve an application on a socket that is bound already."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
