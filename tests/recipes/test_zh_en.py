"""The recipe's settings are whole, and its rows are what it says they are."""

import gzip
import importlib.util
import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_manifest
from sentire.text.path import TextSettings

RECIPE = Path(__file__).parents[2] / "recipes/zh-en"
SETTINGS = tomllib.loads((RECIPE / "settings.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def train():
    spec = importlib.util.spec_from_file_location("zh_en_train", RECIPE / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(path, *rows):
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows)


def test_settings_follow_the_schema(train):
    recipe = msgspec.convert(SETTINGS, train.Recipe)
    files = [source.file for source in recipe.sources]
    assert len(files) == len(set(files))
    assert set(SETTINGS["quantization"]["sources"]) <= set(files)
    text = msgspec.convert(SETTINGS["text"], TextSettings)
    assert recipe.schedule.max_length == text.max_length


def test_dev_texts_and_copies_are_never_trained_on(train, tmp_path):
    write(tmp_path / "polarity2/a.dev.jsonl.gz", ("Seen in dev!", "positive"))
    write(
        tmp_path / "polarity2/a.train.jsonl.gz",
        ("seen in DEV", "positive"),
        ("fine", "positive"),
        ("poor", "negative"),
    )
    write(tmp_path / "polarity3/b.train.jsonl.gz", ("Fine.", "neutral"), ("at nine", "neutral"))
    described = {"language": "en", "read_from": "here", "terms": "ours"}
    sources = [
        train.Source(file="polarity2/a", classes=2, **described),
        train.Source(file="polarity3/b", classes=3, **described),
    ]
    rows, used = train.gather(tmp_path, sources)
    assert sorted((row.text, row.binary) for row in rows) == [
        ("at nine", False),
        ("fine", True),
        ("poor", True),
    ]
    assert [(record.name, record.rows) for record in used] == [("a", 2), ("b", 1)]


def test_a_run_is_resumed_only_with_the_vocabulary_it_was_begun_with(train, tmp_path):
    path = tmp_path / "tokenizer.json"
    train.keep_vocabulary(path, "one", resume=True)
    train.keep_vocabulary(path, "one", resume=True)
    with pytest.raises(SystemExit, match="can't resume"):
        train.keep_vocabulary(path, "two", resume=True)
    assert path.read_text() == "one"
    train.keep_vocabulary(path, "two", resume=False)
    assert path.read_text() == "two"


def test_the_shipped_model_is_the_recipe_s_and_holds_its_gates():
    manifest = read_manifest(find_bundle())[0]
    assert (manifest.name, manifest.version) == (
        SETTINGS["bundle"]["name"],
        SETTINGS["bundle"]["version"],
    )
    figures = {record.data: record for record in manifest.evaluation}
    for name, gate in SETTINGS["gates"].items():
        figure = figures[name.split("/")[1]]
        assert figure.value >= gate["at_least"]
        assert figure.value >= figure.fp32 - SETTINGS["quantization"]["most_lost"]
    trained = {record.name for record in manifest.training}
    assert trained == {source["file"].split("/")[1] for source in SETTINGS["sources"]}
    assert not any("GPL" in record.licence for record in manifest.training)
    size = sum(file.stat().st_size for file in find_bundle().iterdir())
    assert size <= SETTINGS["quantization"]["most_bytes"]
