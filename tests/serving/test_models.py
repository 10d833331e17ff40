"""Which models and versions answer, what is taken and what is refused."""

import asyncio
import itertools
import logging
import shutil
import threading
import time

import httpx
import msgspec
import pytest

import sentire
from sentire.bundle.manifest import Golden
from sentire.bundle.store import read_bundle, write_bundle
from sentire.errors import (
    BackendError,
    BundleDamaged,
    BundleNotFound,
    Closed,
    ModelNotFound,
    OptionError,
    SelfTestFailed,
    SentireError,
)
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving import factory
from sentire.serving.models import Models
from sentire.serving.sources import ModelSource, read_snapshot
from sentire.serving.watcher import Watcher
from sentire.web.settings import ServerSettings
from servers import running
from tiny import make_bundle
from versions import ask, follow, open_models, point, states


def until(condition, seconds=30):
    """Wait for what a watcher does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


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
        pytest.param("a" * 300, "can't be read: File name too long", id="a name too long"),
        pytest.param("a/" * 2040, "can't be read: File name too long", id="a path too long"),
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


def test_a_model_that_is_named_too_long_is_said_not_to_be_readable():
    for written in ("a" * 300, "a" * 300 + "/tiny@production"):
        with pytest.raises(SentireError, match="File name too long"):
            open_models(written)


def test_one_model_s_trouble_is_its_own_is_seen_and_tried_again(alias, made, tmp_path, caplog):
    """Also where nobody foresaw it: a server follows the others, and it, for ever."""
    other = tmp_path / "other.txt"
    point(other, made / "1.0.0")
    settings = Settings(
        model=f"live={alias}",
        models=(f"other={other}",),
        reload_s=0.01,
        server=ServerSettings(access_log=False),
    )

    def listed():
        index = httpx.post(f"{url}/v2/repository/index", json={}).json()
        return {(each["name"], each["version"], each["state"]) for each in index}

    with factory.open_models(settings) as models, running(create_app(models, settings)) as url:
        alias.write_text("a" * 300)
        until(lambda: ("live", "", "UNAVAILABLE") in listed())
        point(other, made / "2.0.0")
        until(lambda: ("other", "2.0.0", "READY") in listed())
        assert ("live", "1.0.0", "READY") in listed()
        refused = 'sentire_swaps_total{model="live",outcome="refused"} 1.0'
        assert refused in httpx.get(f"{url}/metrics").text
        point(alias, made / "2.0.0")
        until(lambda: ("live", "2.0.0", "READY") in listed())
    assert "File name too long" in caplog.text


def test_a_look_that_fails_in_a_way_nobody_foresaw_is_kept_and_done_again(alias, made):
    with open_models(f"live={alias}") as models:
        [slot] = models.slots
        look, slot._look = slot._look, lambda: 1 / 0
        follow(models)
        reason = "looking for a new version failed unexpectedly: ZeroDivisionError"
        assert [state.reason for state in models.listed()] == ["", reason]
        with pytest.raises(BackendError, match=reason):
            asyncio.run(models.load("live"))
        slot._look = look
        point(alias, made / "2.0.0")
        follow(models)
        assert states(models) == [("live", "2.0.0", "ready")]


def test_what_failed_for_no_fault_of_the_bundle_is_loaded_again_after_a_pause(
    alias, made, monkeypatch
):
    lacks = True

    def open_model(path):
        if lacks and path.name == "2.0.0":
            raise MemoryError
        return sentire.load(path)

    now = time.monotonic()
    with Models([f"live={alias}"], open_model=open_model) as models:
        point(alias, made / "2.0.0")
        follow(models)
        assert ask(models) == "1.0.0"
        lacks = False
        follow(models)
        assert ask(models) == "1.0.0", "not at once: a load is dear"
        monkeypatch.setattr("sentire.serving.slot.time.monotonic", lambda: now + 60)
        follow(models)
        assert states(models) == [("live", "2.0.0", "ready")]


def test_a_bundle_that_could_not_be_read_is_taken_once_it_can(tmp_path, made):
    copy = shutil.copytree(made / "1.0.0", tmp_path / "copy")
    before = read_snapshot(ModelSource(None, str(copy))).signature
    (copy / "config.json").chmod(0)
    (copy / "config.json").chmod(0o644)
    assert read_snapshot(ModelSource(None, str(copy))).signature != before


def test_a_watcher_goes_on_after_a_failure_and_says_it_once(caplog):
    calls = itertools.count()
    came = threading.Event()

    def fail():
        if next(calls) == 5:
            came.set()
        raise ZeroDivisionError

    with Watcher(fail, every_s=0.001):
        assert came.wait(30)
    assert caplog.text.count("it is tried again") == 1


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
