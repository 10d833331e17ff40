"""What foreign labels mean is read from their names, said, and proved on clear sentences."""

import numpy as np
import pytest
import torch
from torch import nn

from sentire.errors import LabelsUnproven, OptionError
from sentire.export.label_adapter import LabelAdapter
from sentire.export.label_map import map_labels
from sentire.export.probes import PROBE_LANGUAGES, calibration_texts, golden_texts, probes
from sentire.export.proof import ProbeResult, check_meaning, suggest, table_of
from sentire.labels import POLARITY

STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        pytest.param(
            STARS, {"negative": (0, 1), "neutral": (2,), "positive": (3, 4)}, id="five stars"
        ),
        pytest.param(
            ("star 1", "star 5"), {"negative": (0,), "positive": (1,)}, id="stars the other way"
        ),
        pytest.param(
            ("POS", "NEU", "NEG"), {"negative": (2,), "neutral": (1,), "positive": (0,)}, id="order"
        ),
        pytest.param(
            ("negative (stars 1, 2 and 3)", "positive (stars 4 and 5)"),
            {"negative": (0,), "positive": (1,)},
            id="remarks",
        ),
        pytest.param(("正向", "负向"), {"negative": (1,), "positive": (0,)}, id="Chinese"),
    ],
)
def test_names_that_say_something_are_understood(names, columns):
    found = map_labels(names, {})
    assert found.columns == columns
    assert not found.unclear


def test_names_that_say_nothing_stay_unclear_until_said():
    names = ("LABEL_0", "LABEL_1", "irrelevant")
    assert map_labels(names, {}).unclear == ["LABEL_0", "LABEL_1", "irrelevant"]
    said = {"LABEL_0": "positive", "LABEL_1": "negative", "irrelevant": "-"}
    assert map_labels(names, said).columns == {"negative": (1,), "positive": (0,)}


def test_what_is_said_wins_over_the_name():
    assert map_labels(STARS, {"4 stars": "neutral"}).columns["neutral"] == (2, 3)


@pytest.mark.parametrize(
    ("names", "said", "message"),
    [
        (("a", "b"), {"c": "positive"}, "no label 'c'. It has: a, b"),
        (("a", "b"), {"a": "good"}, "negative, neutral, positive; - leaves it out"),
        (("positive", "neutral"), {}, "says nothing about negative"),
        (("positive", "negative"), {"negative": "-"}, "says nothing about negative"),
    ],
)
def test_impossible_mappings_are_refused(names, said, message):
    with pytest.raises(OptionError, match=message):
        map_labels(names, said)


class Fixed(nn.Module):
    """Gives the same logits for each text."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, input_ids, attention_mask):
        return self


def test_merged_logits_are_summed_probabilities():
    logits = [[2.0, -1.0, 0.5, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0, -50.0]]
    merged = LabelAdapter(Fixed(logits), map_labels(STARS, {}).columns)(None, None)["logits"]
    raw = torch.softmax(torch.tensor(logits), dim=1)
    expected = torch.stack([raw[:, :2].sum(1), raw[:, 2], raw[:, 3:].sum(1)], dim=1)
    torch.testing.assert_close(torch.softmax(merged, dim=1), expected)


def test_a_label_that_is_left_out_gives_its_share_to_the_others():
    labels = map_labels(("negative", "spam", "positive"), {"spam": "-"})
    merged = LabelAdapter(Fixed([[1.0, 9.0, 2.0]]), labels.columns)(None, None)["logits"]
    torch.testing.assert_close(merged, torch.tensor([[1.0, 2.0]]))


def probed(columns, *, languages=PROBE_LANGUAGES, wrong=()):
    """A checkpoint that gives each kind of sentence to one column; by chance in some languages."""
    found = []
    for language in languages:
        for kind in POLARITY:
            n = len(probes(language, kind))
            probabilities = np.full((n, 3), 0.1)
            probabilities[:, columns[kind]] = 0.8
            if language in wrong:
                probabilities = np.random.default_rng(2).dirichlet(np.ones(3), n)
            found.append(ProbeResult(language, kind, probabilities))
    return found


INVERTED = {"negative": 2, "neutral": 1, "positive": 0}
STRAIGHT = {"negative": 0, "neutral": 1, "positive": 2}


def test_a_mapping_that_the_probes_bear_out_is_accepted():
    check_meaning(map_labels(POLARITY, {}), probed(STRAIGHT))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param(INVERTED, "12 negative sentences in zh only 0 are nearer", id="inverted"),
        pytest.param(
            {"negative": 1, "neutral": 0, "positive": 2},
            "neutral is more probable on negative sentences",
            id="neutral and negative confused",
        ),
        pytest.param(
            {"negative": 0, "neutral": 2, "positive": 1},
            "neutral is more probable on positive sentences",
            id="neutral and positive confused",
        ),
    ],
)
def test_a_mapping_that_the_probes_contradict_is_refused_with_the_table(columns, message):
    with pytest.raises(LabelsUnproven, match=message) as refused:
        check_meaning(map_labels(POLARITY, {}), probed(columns))
    assert "zh negative (12)" in refused.value.table


def test_a_checkpoint_of_one_language_is_told_how_to_say_so():
    with pytest.raises(LabelsUnproven, match="say --languages en"):
        check_meaning(map_labels(POLARITY, {}), probed(STRAIGHT, wrong=["zh"]))
    check_meaning(map_labels(POLARITY, {}), probed(STRAIGHT, languages=["en"]))


def test_names_that_say_nothing_are_refused_with_what_the_probes_suggest():
    labels = map_labels(("LABEL_0", "LABEL_1", "very good"), {})
    found = suggest(labels, probed({"negative": 1, "neutral": 0, "positive": 2}))
    assert found == '--label LABEL_0=neutral --label LABEL_1=negative --label "very good=positive"'
    with pytest.raises(LabelsUnproven, match="Say it with --label"):
        check_meaning(labels, probed(INVERTED))


def test_probes_that_tell_nothing_suggest_nothing():
    labels = map_labels(("LABEL_0", "LABEL_1", "LABEL_2"), {})
    with pytest.raises(LabelsUnproven, match="don't tell either"):
        check_meaning(labels, probed(STRAIGHT, wrong=PROBE_LANGUAGES))


def test_the_table_shows_the_mean_of_each_label():
    lines = table_of(map_labels(POLARITY, {}), probed(STRAIGHT)).splitlines()
    assert lines[0].split() == ["sentences", *POLARITY]
    assert lines[1] == "zh negative (12)      0.80     0.10      0.10"


def test_there_are_probes_of_every_kind_and_none_twice():
    for language in PROBE_LANGUAGES:
        texts = [text for kind in POLARITY for text in probes(language, kind)]
        assert len(texts) == len(set(texts)) == 32
    assert len(calibration_texts(PROBE_LANGUAGES)) == 140
    assert {text.isascii() for text in golden_texts(["en"])} == {True}
    assert golden_texts(["fr"]) == golden_texts(["zh", "en"])
