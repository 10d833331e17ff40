"""``sentire models`` as a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tiny import make_bundle

SENTIRE = Path(sys.executable).with_name("sentire")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    make_bundle(folder / "one", version="1.0.0")
    make_bundle(folder / "two", version="2.0.0", emotion=False)
    return folder


@pytest.fixture
def models(tmp_path):
    def run(*words, expected=0):
        done = subprocess.run(
            [SENTIRE, "models", *map(str, words)],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
        )
        assert done.returncode == expected, done.stderr
        return done.stderr if expected else done.stdout

    return run


def test_a_model_s_life_from_push_to_rollback(models, bundles, tmp_path):
    pushed = models("push", bundles / "one", "shelf", "--alias", "production", "--reason", "begin")
    assert pushed.startswith("tiny@1.0.0  sha256:")
    models("push", bundles / "two", "shelf")
    assert models("promote", "shelf/tiny@2.0.0", "--alias", "production", "--reason", "更好") == (
        "tiny@production: 1.0.0 -> 2.0.0\n"
    )
    listed = [json.loads(line) for line in models("list", "shelf", "--json").splitlines()]
    assert [(each["version"], each["aliases"]) for each in listed] == [
        ("1.0.0", []), ("2.0.0", ["production"])
    ]  # fmt: skip
    assert "tiny  2.0.0" in models("list", "shelf")
    assert models("verify", "shelf/tiny@production", bundles / "one").count("sha256:") == 2
    assert models("pull", "shelf/tiny@production") == "tiny-2.0.0\n"
    told = models("inspect", "shelf/tiny@production")
    assert "aliases production" in " ".join(told.split())
    assert "negative neutral positive" in told
    manifest = (tmp_path / "tiny-2.0.0" / "bundle.json").read_text()
    assert models("inspect", "tiny-2.0.0", "--json") == manifest
    assert models("rollback", "shelf/tiny@production") == "tiny@production: 2.0.0 -> 1.0.0\n"
    history = models("history", "shelf/tiny@production").splitlines()
    assert ["begin" in history[0], "更好" in history[1], "back" in history[2]] == [True] * 3
    moves = [
        json.loads(line)
        for line in models("history", "shelf/tiny@production", "--json").splitlines()
    ]
    assert [(m["from"], m["to"]) for m in moves] == [
        (None, "1.0.0"), ("1.0.0", "2.0.0"), ("2.0.0", "1.0.0")
    ]  # fmt: skip


def test_a_diff_tells_what_differs_and_on_which_sentences(models, bundles, tmp_path):
    models("push", bundles / "two", "shelf")
    (tmp_path / "texts.txt").write_text("I love this\n太差了\n")
    printed = models("diff", bundles / "one", "shelf/tiny@2.0.0", "--texts", "texts.txt")
    assert "emotion: anger disgust fear joy sadness surprise neutral -> none" in printed
    assert "0 of 2 sentences get another label" in printed
    shipped = json.loads(models("diff", "zh-en", bundles / "one", "--json"))
    assert shipped["a"]["name"] == "zh-en"
    assert shipped["answers"]["texts"] > 50
    assert len(shipped["answers"]["disagreements"]) == shipped["answers"]["differ"] > 0
    assert all(figure["b"] is None for figure in shipped["figures"])


def test_without_a_registry_the_packaged_models_are_meant(models):
    assert models("list").splitlines()[1].split() == ["zh-en", "1.0.0", "packaged"]
    assert json.loads(models("list", "--json")) == {
        "name": "zh-en", "version": "1.0.0", "pushed": None, "aliases": []
    }  # fmt: skip
    assert models("inspect").startswith("zh-en 1.0.0\n")
    verified = models("verify")
    assert verified.startswith("zh-en@1.0.0  sha256:")
    assert models("verify", "zh-en") == verified


def test_a_folder_that_is_a_checkpoint_is_told_how_to_become_a_bundle(models, tmp_path):
    (tmp_path / "my-bert").mkdir()
    (tmp_path / "my-bert" / "config.json").write_text("{}")
    assert "sentire import my-bert -o BUNDLE" in models("inspect", "my-bert", expected=1)


def test_what_a_registry_lacks_is_told_with_what_it_has(models, bundles):
    models("push", bundles / "one", "shelf", "--alias", "production")
    assert "Its aliases: production" in models("history", "shelf/tiny@staging", expected=2)
    assert "Its aliases: production" in models("inspect", "shelf/tiny@staging", expected=2)
    assert "It has 1.0.0" in models("inspect", "shelf/tiny@2.0.0", expected=2)
    assert "sentire models list shelf" in models("list", "shelf", "shop", expected=2)


def test_gc_removes_only_when_it_is_told_to(models, bundles):
    models("push", bundles / "one", "shelf")
    models("push", bundles / "two", "shelf", "--alias", "production")
    assert "remove  tiny@1.0.0" in models("gc", "shelf", "--days", "0")
    assert models("gc", "shelf").count("keep") == 2
    assert "removed tiny@1.0.0" in models("gc", "shelf", "--days", "0", "--delete")
    assert "1.0.0" not in models("list", "shelf")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["list", "nowhere"], 1, "there is no registry", id="no registry"),
        pytest.param(["pull", "zh-en"], 2, "on this disk already", id="nothing to pull"),
        pytest.param(["promote", "zh-en", "--alias", "a"], 2, "REGISTRY/NAME@VERSION", id="bare"),
        pytest.param(["rollback", "shelf/tiny@1.0.0"], 2, "Name an alias", id="rollback"),
        pytest.param(["push", "zh-en", "shelf", "--alias", "A"], 2, "no name for", id="alias"),
        pytest.param(["inspect", "nobody"], 1, "no packaged model", id="no model"),
        pytest.param(["pull", "hf://org"], 2, "hf://ORG/NAME", id="hub"),
        pytest.param(["push"], 2, "Missing argument", id="nothing"),
        pytest.param(["inspect", "zhen"], 1, "Did you mean zh-en?", id="misspelt"),
        pytest.param(["inspect", "zh-en@9.9.9"], 1, "packaged version is zh-en@", id="version"),
        pytest.param(["inspect", "s3://models"], 1, "sentire models pull", id="a registry"),
        pytest.param(
            ["verify", "bert-base-chinese"],
            1,
            "sentire import bert-base-chinese -o",
            id="checkpoint",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(models, tmp_path, words, code, said):
    line = models(*words, expected=code)
    assert said in line
    assert line.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
