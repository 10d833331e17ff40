"""All bodies that are arriving share one budget, over real sockets."""

import socket
import time
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from sentire.errors import OptionError
from sentire.service.app import create_app
from sentire.service.settings import Settings, load_settings
from sentire.web.settings import Limits, ServerSettings
from servers import running, serving

MIB = 1024 * 1024
PATHS = ("/predict", "/", "/v2/models/tiny/infer")


def begin(url, n_announced, n_sent, path="/predict"):
    """Send the head and a part of the body; gives the connection, still open."""
    parts = httpx.URL(url)
    line = socket.create_connection((parts.host, parts.port), timeout=30)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {n_announced}\r\n\r\n"
    )
    with suppress(OSError):  # it may be refused in the meantime
        line.sendall(head.encode() + b" " * n_sent)
    return line


def until(is_so):
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def service(tiny_models):
    """A service that takes 4 MiB at once, 1 MiB of each."""
    limits = Limits(body_bytes=MIB, arriving_bytes=4 * MIB, request_s=60)
    app = create_app(tiny_models, Settings(server=ServerSettings(access_log=False), limits=limits))
    with running(app) as url:
        yield app, url


def test_beyond_the_budget_a_body_is_refused_and_a_small_one_is_not(service):
    app, url = service
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(begin(url, MIB, MIB - 1))
        until(lambda: app.bodies.n_arriving == 4 * (MIB - 1))
        for path in PATHS:
            with begin(url, MIB, MIB - 1, path) as line:
                answer = line.recv(4096)
            assert answer.startswith(b"HTTP/1.1 429"), path
            assert b"retry-after: 1\r\n" in answer.lower()
            assert b"4,194,304" in answer
        assert httpx.post(url + "/predict", json={"text": "I love this"}).status_code == 200
        assert app.bodies.n_arriving == 4 * (MIB - 1)
    until(lambda: app.bodies.n_arriving == 0)  # all have left
    body = b'{"text": "I love this"}' + b" " * (MIB - 100)
    headers = {"Content-Type": "application/json"}
    assert httpx.post(url + "/predict", content=body, headers=headers).status_code == 200
    until(lambda: app.bodies.n_arriving == 0)


def test_a_body_that_is_too_large_or_too_slow_gives_its_bytes_back(tiny_models):
    limits = Limits(body_bytes=MIB, request_s=0.5)
    app = create_app(tiny_models, Settings(server=ServerSettings(access_log=False), limits=limits))
    with running(app) as url:
        with begin(url, MIB, MIB - 1) as line:
            assert line.recv(4096).startswith(b"HTTP/1.1 408")
        assert app.bodies.n_arriving == 0
        chunks = [b" " * 300_000] * 5
        headers = {"Content-Type": "application/json"}
        answer = httpx.post(url + "/predict", content=iter(chunks), headers=headers)
        assert answer.status_code == 413
        assert app.bodies.n_arriving == 0


def test_the_budget_must_hold_the_largest_body():
    environ = {"SENTIRE_LIMITS_BODY_BYTES": "2000", "SENTIRE_LIMITS_ARRIVING_BYTES": "1000"}
    with pytest.raises(OptionError, match=r"arriving_bytes is 1000, and limits.body_bytes 2000"):
        load_settings(None, environ)
    assert load_settings(None, {"SENTIRE_LIMITS_BODY_BYTES": "2000"}).limits.arriving_bytes is None


@pytest.mark.slow
def test_sixty_unfinished_bodies_take_no_more_memory_than_eight(tiny_bundle):
    with serving("serve-model", "--model", tiny_bundle) as (process, url, _), ExitStack() as stack:
        server = psutil.Process(process.pid)
        before = server.memory_info().rss
        for _ in range(60):
            stack.enter_context(begin(url, 8 * MIB, 8 * MIB - 1))
        assert httpx.post(url + "/predict", json={"text": "I love this"}).status_code == 200
        grown = server.memory_info().rss - before
    assert grown < 2 * 64 * MIB
