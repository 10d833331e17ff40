"""The recipe's tables are whole, and the shipped model is what it says it is."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_manifest
from sentire.evaluation.datasets import DROP, LabelledSource
from sentire.labels import LABELS
from sentire.training.mixture import TrainingSource

RECIPE = Path(__file__).parents[2] / "recipes/zh-en"


def table(name):
    return tomllib.loads((RECIPE / name).read_text(encoding="utf-8"))


MIXTURE = [msgspec.convert(each, TrainingSource) for each in table("mixture.toml")["sources"]]
DEV = [msgspec.convert(each, LabelledSource) for each in table("dev.toml")["sources"]]


@pytest.mark.parametrize("source", MIXTURE, ids=lambda source: f"{source.file} {source.head}")
def test_every_source_says_where_it_comes_from_and_on_what_terms(source):
    assert source.language in {"zh", "en"}
    assert source.read_from
    assert source.terms
    assert "GPL" not in source.terms
    assert set(source.labels.values()) <= {*LABELS[source.head], DROP}


def test_no_development_file_is_learned():
    assert all(".train." in source.file for source in MIXTURE)
    assert all(".dev." in source.file for source in DEV)
    assert len({(s.file, s.head) for s in MIXTURE}) == len(MIXTURE)


@pytest.mark.parametrize("name", ["careful.toml", "reviews.toml", "again.toml", "last.toml"])
def test_what_is_read_again_was_learned_before(name):
    again = [msgspec.convert(each, TrainingSource) for each in table(name)["sources"]]
    usual = [msgspec.structs.replace(source, limit=0) for source in MIXTURE]
    assert again
    assert all(msgspec.structs.replace(source, limit=0) in usual for source in again)


def test_other_ground_is_neither_learned_nor_fitted_to():
    elsewhere = {each["file"] for each in table("elsewhere.toml")["sources"]}
    assert elsewhere
    assert elsewhere.isdisjoint(source.file for source in [*MIXTURE, *DEV])


def test_every_gate_belongs_to_a_development_file():
    names = {Path(source.file).name.split(".")[0] for source in DEV}
    assert set(table("gates.toml")["at_least"]) <= names


def test_the_shipped_model_keeps_its_size_and_its_terms():
    manifest = read_manifest(find_bundle())[0]
    size = sum(file.stat().st_size for file in find_bundle().iterdir())
    assert size <= table("gates.toml")["most_bytes"]
    assert manifest.training
    assert not any("GPL" in record.licence for record in manifest.training)
