import asyncio
import logging

import httpx
import pytest

import sentire
from held import OUTPUTS, Held, models_with
from sentire.backends.fake import FakeBackend
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.models import Models
from sentire.web.settings import Limits
from servers import running
from tiny import make_bundle


class Dying(FakeBackend):
    """Its thread ends at the first batch."""

    def run(self, batch):
        raise SystemExit("the engine took its thread along")


class Failing(FakeBackend):
    """Breaks with a message that quotes the text, as no engine should."""

    def run(self, batch):
        raise ZeroDivisionError("while reading 'my secret text'")


def test_a_closed_model_is_not_ready_but_the_process_lives(tiny_bundle):
    models = Models([str(tiny_bundle)], open_model=sentire.load)
    with running(create_app(models, Settings())) as url:
        assert httpx.get(f"{url}/health/ready").status_code == 200
        models.close()
        assert httpx.get(f"{url}/health/live").status_code == 200
        for answer in (
            httpx.get(f"{url}/health/ready"),
            httpx.post(f"{url}/predict", json={"text": "a"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert answer.headers["retry-after"] == "1"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_dies_answers_its_waiters_and_takes_readiness_away(tiny_bundle):
    with (
        models_with(Dying(OUTPUTS), tiny_bundle) as models,
        running(create_app(models, Settings())) as url,
    ):
        answer = httpx.post(f"{url}/predict", json={"text": "a"}, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert httpx.get(f"{url}/health/ready").status_code == 503


def test_an_unexpected_error_is_a_500_that_shows_nothing(tiny_bundle, caplog):
    with (
        caplog.at_level(logging.INFO),
        models_with(Failing(OUTPUTS), tiny_bundle) as models,
        running(create_app(models, Settings())) as url,
    ):
        answer = httpx.post(f"{url}/predict?q=query", json={"text": "my secret text"}, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["x-content-type-options"] == "nosniff"
        httpx.get(f"{url}/my secret text")
    assert "ZeroDivisionError" in caplog.text
    assert "POST /predict 500" in caplog.text
    assert "GET - 404" in caplog.text
    assert "secret" not in answer.text
    assert not any(
        "secret" in r.getMessage() or "query" in r.getMessage()
        for r in caplog.records
        if r.name.startswith("sentire")
    )


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(tiny_bundle):
    backend = Held()
    with (
        models_with(backend, tiny_bundle, max_waiting=1) as models,
        running(create_app(models, Settings())) as url,
    ):

        async def overload():
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                first = asyncio.create_task(client.post("/predict", json={"text": "a"}))
                await asyncio.to_thread(backend.entered.wait)
                later = (client.post("/predict", json={"text": "b"}) for _ in range(5))
                rest = [asyncio.create_task(request) for request in later]
                done, _ = await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
                refused = [task.result() for task in done]
                backend.let_go.set()
                return refused, await asyncio.gather(first, *rest)

        try:
            refused, answers = asyncio.run(overload())
        finally:
            backend.let_go.set()
    assert refused[0].json()["code"] == "overloaded"
    assert refused[0].headers["retry-after"] == "1"
    assert {answer.status_code for answer in answers} == {200, 429}


def test_a_model_that_takes_too_long_is_a_clear_503(tiny_bundle):
    backend = Held()
    settings = Settings(limits=Limits(request_s=0.2))
    with (
        models_with(backend, tiny_bundle) as models,
        running(create_app(models, settings)) as url,
    ):
        try:
            answer = httpx.post(f"{url}/predict", json={"text": "a"}, timeout=30)
        finally:
            backend.let_go.set()
    assert (answer.status_code, answer.json()["code"]) == (503, "timed_out")


def test_a_model_without_emotion_says_so(tmp_path):

    make_bundle(tmp_path / "plain", emotion=False)
    with (
        Models([str(tmp_path / "plain")], open_model=sentire.load) as models,
        running(create_app(models, Settings())) as url,
    ):
        answer = httpx.post(f"{url}/predict", json={"text": "a", "emotion": True})
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_request")
