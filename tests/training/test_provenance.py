import pytest

from networks import QUICK, TEXT, TOKENIZER, encoder
from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import Training
from sentire.bundle.store import read_bundle
from sentire.errors import MissingBackbone
from sentire.training.backbone import open_backbone
from sentire.training.record import RECORD, TrainingRecord, merge, read_record
from sentire.training.trained import Trained, save_trained


def learned(name, rows, source="a shop"):
    return Training(name=name, language="zh", rows=rows, source=source, licence="CC0")


@pytest.mark.parametrize(
    ("before", "now", "rows"),
    [
        pytest.param([], [("a", 5)], {"a": 5}, id="the first run"),
        pytest.param([("a", 9)], [("a", 5)], {"a": 9}, id="a part read again"),
        pytest.param([("a", 5)], [("a", 9)], {"a": 9}, id="more of a set"),
        pytest.param([("a", 5)], [("b", 9)], {"a": 5, "b": 9}, id="another set"),
    ],
)
def test_what_was_learned_before_is_not_forgotten(before, now, rows):
    found = merge((learned(*each) for each in before), (learned(*each) for each in now))
    assert {each.name: each.rows for each in found} == rows


def test_sets_of_one_name_from_two_places_are_two():
    assert len(merge([learned("a", 5)], [learned("a", 5, source="another shop")])) == 2


def test_a_backbone_that_was_trained_here_says_what_it_learned(tmp_path):
    record = TrainingRecord(backbone="made", text=TEXT, schedule=QUICK, training=(learned("a", 5),))
    save_trained(tmp_path / "net", Trained(encoder(), TOKENIZER, record))
    assert open_backbone(str(tmp_path / "net")).training == record.training
    shipped = open_backbone("zh-en")
    assert shipped.training == read_bundle(find_bundle()).manifest.training != ()


def test_a_broken_record_is_refused(tmp_path):
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(MissingBackbone, match=r"training\.json"):
        read_record(tmp_path)
