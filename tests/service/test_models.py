import asyncio
import gc
import itertools
import logging
import threading
import weakref

import httpx
import msgspec
import pytest

import sentire
from sentire.backends.fake import FakeBackend
from sentire.bundle.manifest import Golden
from sentire.bundle.store import read_bundle, write_bundle
from sentire.config import Server, Settings
from sentire.errors import (
    BundleDamaged,
    BundleNotFound,
    Closed,
    ModelNotFound,
    OptionError,
    SelfTestFailed,
)
from sentire.inference.analyzer import Analyzer
from sentire.inference.cache import AnswerCache, Counts
from sentire.inference.scheduler import Scheduler
from sentire.service.app import create_app
from sentire.service.models import Models
from sentire.service.watcher import Watcher
from servers import running
from tiny import make_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three bundles that differ in their versions."""
    folder = tmp_path_factory.mktemp("made")
    for version in ("1.0.0", "2.0.0"):
        make_bundle(folder / version, version=version)
    make_bundle(folder / "plain", version="3.0.0", emotion=False)
    return folder


@pytest.fixture
def alias(tmp_path, made):
    """An alias file that names the first version."""
    file = tmp_path / "live.txt"
    point(file, made / "1.0.0")
    return file


def point(alias, bundle):
    alias.write_text(f"{bundle}\n")


def open_models(*sources):
    return Models([str(source) for source in sources], open_model=sentire.load)


def follow(models):
    """Let the models see their sources twice, as a watcher does in two intervals."""
    models.follow()
    models.follow()


def digest_of(bundle):
    return read_bundle(bundle).info.digest


def ask(models, *names):
    [answer] = asyncio.run(models.get(*names).predict(["I love this"]))
    return answer.model.version


def states(models):
    return [(state.name, state.version, state.state) for state in models.listed()]


def test_models_and_versions_stand_side_by_side_and_the_first_is_the_default(made):
    sources = [f"shop={made}/2.0.0", made / "1.0.0", made / "plain"]
    with open_models(*sources) as models:
        asked = [(), ("shop",), ("tiny",), ("tiny", "1.0.0"), ("tiny", "3.0.0")]
        assert [ask(models, *names) for names in asked] == [
            "2.0.0", "2.0.0", "1.0.0", "1.0.0", "3.0.0"
        ]  # fmt: skip
        assert states(models) == [
            ("shop", "2.0.0", "ready"), ("tiny", "1.0.0", "ready"), ("tiny", "3.0.0", "ready")
        ]  # fmt: skip
        assert [state.is_default for state in models.listed()] == [True, False, False]


@pytest.mark.parametrize("names", [("none",), ("tiny", "9.9.9"), ("1.0.0",)], ids=str)
def test_what_is_not_served_is_refused_with_what_is(made, names):
    with (
        open_models(made / "1.0.0") as models,
        pytest.raises(ModelNotFound, match=r"Served are tiny@1\.0\.0\."),
    ):
        models.get(*names)


def test_the_same_version_twice_is_refused_at_the_start(made):
    with pytest.raises(OptionError, match=r"tiny@1\.0\.0 is given twice"):
        open_models(made / "1.0.0", made / "2.0.0", made / "1.0.0")
    with pytest.raises(OptionError, match="at least one"):
        open_models()


def test_a_model_that_cannot_be_loaded_at_the_start_is_an_error(made, tmp_path):
    with pytest.raises(BundleNotFound):
        open_models(made / "1.0.0", tmp_path / "nothing")


@pytest.mark.parametrize(
    "written", ['{"bundle": "%s"}', "%s\n", "%s"], ids=["JSON", "line", "text"]
)
def test_an_alias_file_leads_to_its_bundle_and_a_rewritten_one_to_another(alias, made, written):
    with open_models(f"live={alias}") as models:
        alias.write_text(written % (made / "2.0.0"))
        follow(models)
        assert ask(models) == "2.0.0"
        assert states(models) == [("live", "2.0.0", "ready")]


def test_a_bundle_that_is_exchanged_in_its_place_is_taken(tmp_path):
    folder, link = make_bundle(tmp_path / "a", version="1.0.0").path, tmp_path / "current"
    link.symlink_to(folder)
    make_bundle(tmp_path / "b", version="1.1.0")
    with open_models(link) as models:
        (tmp_path / "next").symlink_to(tmp_path / "b")
        (tmp_path / "next").rename(link)
        follow(models)
        assert ask(models) == "1.1.0"


def test_nothing_is_loaded_where_nothing_changed(alias, made):
    n_opened = itertools.count()

    def open_model(path):
        next(n_opened)
        return sentire.load(path)

    with Models([f"live={alias}"], open_model=open_model) as models:
        follow(models)
        point(alias, made / "1.0.0")
        follow(models)
        asyncio.run(models.load("live"))
        assert next(n_opened) == 1


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        pytest.param("", "no whole alias", id="empty"),
        pytest.param('{"bundle": "/mod', "no whole alias", id="half JSON"),
        pytest.param('{"model": "a"}', "no whole alias", id="another key"),
        pytest.param("no/such/folder", "there is no such folder", id="names nothing"),
        pytest.param("\x00\x01\x02", "no whole alias", id="binary"),
        pytest.param("a" * 5000, "no whole alias", id="a large file"),
    ],
)
def test_half_an_alias_is_passed_over_at_first_and_the_reason_said_if_it_stays(
    alias, made, written, reason
):
    with open_models(f"live={alias}") as models:
        alias.write_text(written)
        models.follow()
        assert states(models) == [("live", "1.0.0", "ready")]
        models.follow()
        assert ask(models) == "1.0.0"
        assert models.ready
        assert states(models) == [("live", "1.0.0", "ready"), ("live", "", "failed")]
        assert reason in models.listed()[1].reason
        point(alias, made / "2.0.0")
        follow(models)
        assert states(models) == [("live", "2.0.0", "ready")]


def damage(bundle):
    (bundle / "tokenizer.json").write_bytes(b" " + (bundle / "tokenizer.json").read_bytes())


def promise_otherwise(bundle):
    manifest = read_bundle(bundle).manifest
    wrong = Golden(text="I love this", probabilities={"negative": 0.0, "positive": 1.0})
    write_bundle(bundle, msgspec.structs.replace(manifest, golden=(wrong,)))


@pytest.mark.parametrize(
    ("harm", "error", "reason"),
    [
        pytest.param(damage, BundleDamaged, "was altered", id="a byte changed"),
        pytest.param(promise_otherwise, SelfTestFailed, "golden sentence 0", id="golden sentences"),
    ],
)
def test_a_bad_version_leaves_the_old_one_serving_and_says_why(alias, caplog, harm, error, reason):
    bad = make_bundle(alias.parent / "bad", version="2.0.0").path
    harm(bad)
    with open_models(f"live={alias}") as models, caplog.at_level(logging.ERROR):
        point(alias, bad)
        follow(models)
        assert ask(models) == "1.0.0"
        assert models.ready
        failed = models.listed()[1]
        assert (failed.version, failed.state, failed.is_default) == ("2.0.0", "failed", False)
        assert reason in failed.reason
        assert "1.0.0 serves on" in caplog.text
        with pytest.raises(error, match=reason):
            asyncio.run(models.load("live"))
        assert ask(models) == "1.0.0"


def test_a_bundle_that_is_still_being_copied_is_taken_when_it_is_whole(alias, made, tmp_path):
    with open_models(f"live={alias}") as models:
        copy = tmp_path / "copy"
        copy.mkdir()
        point(alias, copy)
        for file in sorted((made / "2.0.0").iterdir()):
            (copy / file.name).write_bytes(file.read_bytes())
            models.follow()
            assert ask(models) == "1.0.0"
            assert states(models) == [("live", "1.0.0", "ready")]
        models.follow()
        assert ask(models) == "2.0.0"


def test_another_model_in_the_same_place_is_taken_only_under_a_given_name(alias, tmp_path):
    other = make_bundle(tmp_path / "other", version="2.0.0").path
    renamed = msgspec.structs.replace(read_bundle(other).manifest, name="other")
    write_bundle(other, renamed)
    with open_models(alias, f"live={alias}") as models:
        point(alias, other)
        follow(models)
        assert (ask(models, "tiny"), ask(models, "live")) == ("1.0.0", "2.0.0")
        assert "tiny=MODEL" in models.listed()[1].reason


def test_an_unloaded_model_is_refused_and_loaded_again_on_request(made):
    with open_models(made / "1.0.0", f"more={made}/2.0.0") as models:
        asyncio.run(models.unload("more"))
        assert models.ready, "it was wanted so"
        assert states(models)[1] == ("more", "", "closed")
        with pytest.raises(Closed, match="more is unloaded"):
            models.get("more")
        follow(models)
        assert states(models)[1] == ("more", "", "closed")
        asyncio.run(models.load("more"))
        assert ask(models, "more") == "2.0.0"
        asyncio.run(models.unload("tiny"))
        assert not models.ready, "the default is gone"


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
            first = asyncio.create_task(models.get().predict(["I love this"]))
            await asyncio.to_thread(old.entered.wait)
            point(alias, made / "2.0.0")
            swap = asyncio.create_task(models.load("live"))
            while models.listed()[0].version == "1.0.0":
                await asyncio.sleep(0)
            [second] = await models.get().predict(["I love this"])
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
        [answer] = asyncio.run(taken.predict(["I love this"]))
        assert answer.model == taken.info == read_bundle(made / "2.0.0").info
        with pytest.raises(ModelNotFound, match=r"live@1\.0\.0"):
            asyncio.run(pinned.predict(["I love this"]))


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


def test_an_unexpected_failure_while_loading_is_kept_without_its_message(alias, made):
    def open_model(path):
        if path.name == "2.0.0":
            raise ZeroDivisionError("secret")
        return sentire.load(path)

    with Models([f"live={alias}"], open_model=open_model) as models:
        point(alias, made / "2.0.0")
        follow(models)
        assert models.listed()[1].reason == "loading failed unexpectedly: ZeroDivisionError"
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
            for options in ({}, {"sentences": True}, {"emotion": True}, {"on_long": "truncate"}):
                first, second = [await models.get().predict([text], **options) for _ in range(2)]
                assert first == second
                alone = Models([str(made / "1.0.0")], open_model=sentire.load)
                assert await alone.get().predict([text], **options) == first
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
            [answer] = await served.predict([text])
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


def test_a_watcher_follows_by_itself_and_stops(alias, made):
    others = set(threading.enumerate())
    with open_models(f"live={alias}") as models:
        with Watcher(models.follow, every_s=0.01):
            point(alias, made / "2.0.0")
            while ask(models) == "1.0.0":
                pass
        left = set(threading.enumerate()) - others
        assert not any(thread.name == "sentire-watcher" for thread in left)
        with Watcher(models.follow, every_s=0):
            left = set(threading.enumerate()) - others
        assert not any(thread.name == "sentire-watcher" for thread in left)


@pytest.mark.slow
def test_swaps_under_load_over_http_fail_no_request(alias, made):
    settings = Settings(server=Server(access_log=False), reload_s=0.01)
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
