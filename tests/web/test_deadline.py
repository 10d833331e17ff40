import asyncio
import socket
import time

import httpx
import pytest

from held import Held, models_with
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running

SETTINGS = Settings(server=ServerSettings(access_log=False))


@pytest.fixture
def backend():
    held = Held()
    yield held
    held.let_go.set()


@pytest.fixture
def url(backend, tiny_bundle):
    models = models_with(backend, tiny_bundle)
    with running(create_app(models, SETTINGS)) as url:
        yield url
        backend.let_go.set()
    models.close()


def post(url, text, **headers):
    return httpx.post(f"{url}/predict", json={"text": text}, headers=headers, timeout=30)


def request_of(text):
    body = b'{"text": "%s"}' % text
    return (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )


def test_a_late_request_is_refused_in_time_and_costs_no_inference(url, backend):
    async def ask():
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            first = asyncio.create_task(client.post("/predict", json={"text": "a"}))
            await asyncio.to_thread(backend.entered.wait)
            began = time.perf_counter()
            late = await client.post(
                "/predict", json={"text": "b"}, headers={"X-Request-Timeout": "0.1"}
            )
            spent = time.perf_counter() - began
            backend.let_go.set()
            return late, spent, await first, await client.post("/predict", json={"text": "c"})

    late, spent, *others = asyncio.run(ask())
    assert (late.status_code, late.json()["code"]) == (503, "timed_out")
    assert late.headers["retry-after"] == "1"
    assert "0.1 s of X-Request-Timeout" in late.json()["detail"]
    assert 0.1 <= spent < 5
    assert [answer.status_code for answer in others] == [200, 200]
    assert backend.n_rows == 2


def test_a_deadline_that_is_kept_changes_nothing(url, backend):
    backend.let_go.set()
    assert post(url, "a", **{"X-Request-Timeout": "20"}).status_code == 200


@pytest.mark.parametrize("written", ["0", "-1", "nan", "inf", "soon", "1s", ""])
def test_a_deadline_that_is_no_number_of_seconds_is_refused(url, backend, written):
    backend.let_go.set()
    answer = post(url, "a", **{"X-Request-Timeout": written})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_timeout")


def test_other_dialects_have_deadlines_too_and_their_own_shape(url, backend):
    for path in ("/", "/v2/models/tiny/infer"):
        tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}
        body = {"inputs": "a"} if path == "/" else {"inputs": [tensor]}
        headers = {"X-Request-Timeout": "0.1"}
        answer = httpx.post(url + path, json=body, headers=headers, timeout=30)
        assert answer.status_code == 503
        assert "0.1 s" in answer.json()["error"]


def test_a_request_whose_caller_left_costs_no_inference(url, backend):
    port = httpx.URL(url).port
    with socket.create_connection(("127.0.0.1", port)) as first:
        first.sendall(request_of(b"a"))
        assert backend.entered.wait(30)
        for n in range(20):
            with socket.create_connection(("127.0.0.1", port)) as leaver:
                leaver.sendall(request_of(b"leaver %d" % n))
        with socket.create_connection(("127.0.0.1", port)) as stayer:
            stayer.sendall(request_of(b"stayer"))
            # Nobody sees a server drop a request but its queue, which these still wait in.
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline:
                assert httpx.get(f"{url}/health/ready").status_code == 200
            backend.let_go.set()
            assert first.recv(4096).startswith(b"HTTP/1.1 200")
            assert stayer.recv(4096).startswith(b"HTTP/1.1 200")
    assert backend.n_rows == 2


def test_overload_is_refused_at_once(backend, tiny_bundle):
    models = models_with(backend, tiny_bundle, max_waiting=8)
    with running(create_app(models, SETTINGS)) as url:

        async def ask():
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                first = asyncio.create_task(client.post("/predict", json={"text": "a"}))
                await asyncio.to_thread(backend.entered.wait)
                texts = {"texts": [f"text {n}" for n in range(8)]}
                fill = [asyncio.create_task(client.post("/predict", json=texts)) for _ in "ab"]
                [refused], [full] = await asyncio.wait(fill, return_when="FIRST_COMPLETED")
                assert refused.result().status_code == 429
                spent = []
                for _ in range(50):
                    began = time.perf_counter()
                    answer = await client.post("/predict", json={"text": "b"})
                    spent.append(time.perf_counter() - began)
                    assert answer.status_code == 429
                    assert answer.headers["retry-after"] == "1"
                backend.let_go.set()
                assert [a.status_code for a in await asyncio.gather(first, full)] == [200, 200]
                return sorted(spent)

        spent = asyncio.run(ask())
    models.close()
    assert spent[len(spent) // 2] < 0.05
