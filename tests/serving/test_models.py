"""Which models and versions answer, what is taken and what is refused."""

import asyncio
import itertools
import logging
import threading

import msgspec
import pytest

import sentire
from sentire.bundle.manifest import Golden
from sentire.bundle.store import read_bundle, write_bundle
from sentire.errors import (
    BundleDamaged,
    BundleNotFound,
    Closed,
    ModelNotFound,
    OptionError,
    SelfTestFailed,
)
from sentire.serving.models import Models
from sentire.serving.watcher import Watcher
from tiny import make_bundle
from versions import ask, follow, open_models, point, states


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
