import asyncio
import logging
import threading

import httpx
import pytest

import sentire
from sentire.backends.fake import FakeBackend
from sentire.bundle.store import read_bundle
from sentire.config import Limits, Settings
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.service.app import create_app
from servers import running
from tiny import make_bundle

OUTPUTS = {"logits": 3, "emotion": 7}


class Dying(FakeBackend):
    """Its thread ends at the first batch."""

    def run(self, batch):
        raise SystemExit("the engine took its thread along")


class Failing(FakeBackend):
    """Breaks with a message that quotes the text, as no engine should."""

    def run(self, batch):
        raise ZeroDivisionError("while reading 'my secret text'")


class Held(FakeBackend):
    """Computes nothing until it is let go."""

    def __init__(self, outputs):
        super().__init__(outputs)
        self.entered, self.let_go = threading.Event(), threading.Event()

    def run(self, batch):
        self.entered.set()
        self.let_go.wait()
        return super().run(batch)


def analyzer_with(backend, bundle_path, **scheduling):
    bundle = read_bundle(bundle_path)
    scheduler = Scheduler(
        backend, pad_id=bundle.text_path.pad_id, scheduling=Scheduling(**scheduling)
    )
    return Analyzer(bundle, scheduler, engine="fake")


def test_a_closed_model_is_not_ready_but_the_process_lives(tiny_bundle):
    analyzer = sentire.load(tiny_bundle)
    with running(create_app(analyzer, Settings())) as url:
        assert httpx.get(f"{url}/health/ready").status_code == 200
        analyzer.close()
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
        analyzer_with(Dying(OUTPUTS), tiny_bundle) as analyzer,
        running(create_app(analyzer, Settings())) as url,
    ):
        answer = httpx.post(f"{url}/predict", json={"text": "a"}, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert httpx.get(f"{url}/health/ready").status_code == 503


def test_an_unexpected_error_is_a_500_that_shows_nothing(tiny_bundle, caplog):
    with (
        caplog.at_level(logging.INFO),
        analyzer_with(Failing(OUTPUTS), tiny_bundle) as analyzer,
        running(create_app(analyzer, Settings())) as url,
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
    backend = Held(OUTPUTS)
    with (
        analyzer_with(backend, tiny_bundle, max_waiting=1) as analyzer,
        running(create_app(analyzer, Settings())) as url,
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
    backend = Held(OUTPUTS)
    settings = Settings(limits=Limits(request_s=0.2))
    with (
        analyzer_with(backend, tiny_bundle) as analyzer,
        running(create_app(analyzer, settings)) as url,
    ):
        try:
            answer = httpx.post(f"{url}/predict", json={"text": "a"}, timeout=30)
        finally:
            backend.let_go.set()
    assert (answer.status_code, answer.json()["code"]) == (503, "timed_out")


def test_a_model_without_emotion_says_so(tmp_path):

    make_bundle(tmp_path / "plain", emotion=False)
    with (
        sentire.load(tmp_path / "plain") as analyzer,
        running(create_app(analyzer, Settings())) as url,
    ):
        answer = httpx.post(f"{url}/predict", json={"text": "a", "emotion": True})
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_request")
