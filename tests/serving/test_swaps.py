"""A version takes another's place while requests run: none is lost, none is mixed up."""

import asyncio
import gc
import itertools
import threading
import weakref

import httpx
import pytest

import sentire
from sentire.backends.fake import FakeBackend
from sentire.bundle.store import read_bundle
from sentire.errors import Closed, ModelNotFound
from sentire.inference.analyzer import Analyzer
from sentire.inference.cache import AnswerCache, Counts
from sentire.inference.scheduler import Scheduler
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.models import Models
from sentire.types import PredictOptions
from sentire.web.settings import ServerSettings
from servers import running
from versions import ask, digest_of, open_models, point, states


class Held(FakeBackend):
    """Computes nothing until it is let go, once it is told to hold."""

    def __init__(self):
        super().__init__({"logits": 3, "emotion": 7})
        self.entered, self.let_go = threading.Event(), threading.Event()
        self.let_go.set()

    def run(self, batch):
        self.entered.set()
        assert self.let_go.wait(60)
        return super().run(batch)


def opener(backends):
    """Open each next model with the next backend."""

    def open_model(path):
        bundle = read_bundle(path)
        scheduler = Scheduler(backends.pop(0), pad_id=bundle.text_path.pad_id)
        return Analyzer(bundle, scheduler, engine="fake")

    return open_model


def test_a_request_under_way_ends_on_its_version_which_is_closed_after_it(alias, made):
    old, new = Held(), Held()
    with Models([f"live={alias}"], open_model=opener([old, new])) as models:

        async def main():
            old.let_go.clear()
            first = asyncio.create_task(models.get().predict(["I love this"], PredictOptions()))
            await asyncio.to_thread(old.entered.wait)
            point(alias, made / "2.0.0")
            swap = asyncio.create_task(models.load("live"))
            while models.listed()[0].version == "1.0.0":
                await asyncio.sleep(0)
            [second] = await models.get().predict(["I love this"], PredictOptions())
            assert not old.closed
            assert not swap.done()
            old.let_go.set()
            await swap
            assert old.closed
            [answer] = await first
            return answer.model.version, second.model.version

        assert asyncio.run(main()) == ("1.0.0", "2.0.0")


def test_a_request_between_taking_and_asking_is_handed_to_the_successor(alias, made):
    with open_models(f"live={alias}") as models:
        taken, pinned = models.get(), models.get("live", "1.0.0")
        point(alias, made / "2.0.0")
        asyncio.run(models.load("live"))
        [answer] = asyncio.run(taken.predict(["I love this"], PredictOptions()))
        assert answer.model == taken.info == read_bundle(made / "2.0.0").info
        with pytest.raises(ModelNotFound, match=r"live@1\.0\.0"):
            asyncio.run(pinned.predict(["I love this"], PredictOptions()))


class Dying(FakeBackend):
    """Its thread ends at the first batch."""

    def run(self, batch):
        raise SystemExit("the engine took its thread along")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_model_whose_worker_died_is_loaded_anew(made):
    healthy = FakeBackend({"logits": 3, "emotion": 7})
    dying = Dying({"logits": 3, "emotion": 7})
    with Models([str(made / "1.0.0")], open_model=opener([dying, healthy])) as models:
        with pytest.raises(Closed, match="worker ended"):
            ask(models)
        assert not models.ready
        assert states(models) == [("tiny", "1.0.0", "failed")]
        models.follow()
        assert models.ready
        assert ask(models) == "1.0.0"


def test_an_answer_in_the_cache_does_not_outlive_its_version(alias, made):
    cache = AnswerCache(max_bytes=100_000)
    with Models([f"live={alias}"], open_model=sentire.load, cache=cache) as models:
        for version, memory, missed in (("1.0.0", 1, 1), ("2.0.0", 2, 2), ("1.0.0", 4, 2)):
            point(alias, made / version)
            asyncio.run(models.load("live"))
            assert [ask(models), ask(models)] == [version, version]
            assert cache.counts == Counts(memory=memory, shared=0, joined=0, missed=missed)


def test_other_options_are_other_answers(made):
    cache = AnswerCache(max_bytes=100_000)
    with Models([str(made / "1.0.0")], open_model=sentire.load, cache=cache) as models:

        async def main():
            text = "房间很大，但是服务太差了。" * 20
            for options in (
                PredictOptions(),
                PredictOptions(sentences=True),
                PredictOptions(heads=("emotion",)),
                PredictOptions(on_long="truncate"),
            ):
                first, second = [await models.get().predict([text], options) for _ in range(2)]
                assert first == second
                alone = Models([str(made / "1.0.0")], open_model=sentire.load)
                assert await alone.get().predict([text], options) == first
                alone.close()

        asyncio.run(main())
        assert cache.counts == Counts(memory=4, shared=0, joined=0, missed=4)


def test_nothing_holds_a_version_that_was_replaced(alias, made):
    opened = []

    def open_model(path):
        analyzer = sentire.load(path)
        opened.append(weakref.ref(analyzer))
        return analyzer

    cache = AnswerCache(max_bytes=100_000)
    with Models([f"live={alias}"], open_model=open_model, cache=cache) as models:
        for n in range(6):
            ask(models)
            point(alias, made / ("2.0.0" if n % 2 == 0 else "1.0.0"))
            asyncio.run(models.load("live"))
        gc.collect()
        assert [each() is not None for each in opened] == [False] * 6 + [True]


@pytest.mark.slow
def test_two_hundred_swaps_under_load_lose_no_request_and_mix_up_no_answer(alias, made):
    versions = {digest_of(made / v): v for v in ("1.0.0", "2.0.0")}
    n_swaps, seen = 200, []

    async def load(models, done):
        for n in itertools.count():
            if done.is_set():
                return n
            text = f"text {n % 50} {asyncio.current_task().get_name()}"
            served = models.get()
            [answer] = await served.predict([text], PredictOptions())
            assert answer.text == text
            assert versions[answer.model.digest] == answer.model.version
            assert answer.model == served.info
            seen.append(answer.model.version)
        raise AssertionError

    async def main(models):
        done = asyncio.Event()
        clients = [asyncio.create_task(load(models, done)) for _ in range(16)]
        for n in range(n_swaps):
            point(alias, made / ("2.0.0" if n % 2 == 0 else "1.0.0"))
            await models.load("live")
        done.set()
        return sum(await asyncio.gather(*clients))

    cache = AnswerCache(max_bytes=100_000)
    with Models([f"live={alias}"], open_model=sentire.load, cache=cache) as models:
        assert asyncio.run(main(models)) == len(seen)
        assert states(models) == [("live", "1.0.0", "ready")]
    n_changes = sum(a != b for a, b in itertools.pairwise(seen))
    assert n_changes >= n_swaps / 2


@pytest.mark.slow
def test_swaps_under_load_over_http_fail_no_request(alias, made):
    settings = Settings(server=ServerSettings(access_log=False), reload_s=0.01)
    digests = {digest_of(made / v) for v in ("1.0.0", "2.0.0")}
    cache = AnswerCache(max_bytes=100_000)

    async def ask(client, done):
        seen = []
        while not done.is_set():
            text = f"text {len(seen)} {asyncio.current_task().get_name()}"
            answer = await client.post("/predict", json={"text": text})
            assert answer.status_code == 200, answer.text
            assert answer.json()["text"] == text
            seen.append(answer.json()["model"]["digest"])
        return seen

    async def main(url, models):
        done = asyncio.Event()
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            asking = [asyncio.create_task(ask(client, done)) for _ in range(12)]
            for n in range(20):
                version = "2.0.0" if n % 2 == 0 else "1.0.0"
                point(alias, made / version)
                while states(models) != [("live", version, "ready")]:
                    await asyncio.sleep(0.005)
            done.set()
            return [digest for seen in await asyncio.gather(*asking) for digest in seen]

    with (
        Models([f"live={alias}"], open_model=sentire.load, cache=cache) as models,
        running(create_app(models, settings)) as url,
    ):
        seen = asyncio.run(main(url, models))
    assert set(seen) == digests
