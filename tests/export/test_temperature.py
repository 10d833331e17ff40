"""Temperatures and thresholds are fitted fairly and reported honestly."""

import numpy as np
import pytest

from sentire.evaluation.datasets import Dataset
from sentire.evaluation.scores import Scored
from sentire.export.temperature import UNSURE_DEFAULT, fit_head
from sentire.labels import EMOTIONS, POLARITY
from sentire.types import Coverage, Language, ModelInfo, Prediction

CODES = ("zh", "en")


def prediction(code):
    return Prediction(
        text="", label="neutral", score=1.0, probabilities={}, mixed=None,
        language=Language(code, 1.0, True), coverage=Coverage(1, 1, 1, False), warnings=[],
        model=ModelInfo("m", "1", "sha256:"),
    )  # fmt: skip


def make(n, *, sharpness=1.0, code="en", head="polarity", two=False, seed=0):
    """A set whose labels are drawn from the probabilities, told ``sharpness`` times as sure."""
    labels = EMOTIONS if head == "emotion" else POLARITY
    generator = np.random.default_rng(seed)
    honest = generator.normal(size=(n, len(labels))) * 1.5
    if two:
        honest[:, 1] -= 30
    probabilities = softmax(honest)
    gold = np.zeros((n, len(labels)), np.float32)
    for row, each in enumerate(probabilities):
        gold[row, generator.choice(len(labels), p=each)] = 1
    dataset = Dataset(f"set{seed}", head, ["x"] * n, gold, None, 0)
    return Scored(dataset, softmax(honest * sharpness), [code] * n, [prediction(code)] * n)


def softmax(values):
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("sharpness", [0.7, 1.0, 2.5])
@pytest.mark.parametrize("head", ["polarity", "emotion"])
def test_the_temperature_undoes_what_is_too_sure(sharpness, head):
    labels = EMOTIONS if head == "emotion" else POLARITY
    fit = fit_head([make(4000, sharpness=sharpness, head=head)], labels, CODES)
    assert fit.temperature["en"] == pytest.approx(sharpness, rel=0.1)
    assert fit.error["en"] < 0.03
    assert fit.temperature["*"] == fit.temperature["en"]


def test_each_language_has_its_own_and_the_rest_of_the_world_the_least_sure():
    sets = [make(3000, sharpness=2.0, code="zh"), make(3000, sharpness=1.2, code="en", seed=1)]
    fit = fit_head(sets, POLARITY, CODES)
    assert fit.temperature["zh"] == pytest.approx(2.0, rel=0.1)
    assert fit.temperature["en"] == pytest.approx(1.2, rel=0.1)
    assert fit.temperature["*"] == fit.temperature["zh"]


def test_a_set_of_ten_times_the_texts_counts_no_more():
    small, large = make(1000, sharpness=2.5), make(10_000, sharpness=1.0, seed=1)
    both = fit_head([small, large], POLARITY, CODES).temperature["en"]
    equal = fit_head([small, make(1000, sharpness=1.0, seed=1)], POLARITY, CODES).temperature["en"]
    assert both == pytest.approx(equal, rel=0.06)
    assert both > 1.3


def test_a_set_of_two_classes_says_nothing_of_the_third():
    fit = fit_head([make(4000, sharpness=2.0, two=True)], POLARITY, CODES)
    assert fit.temperature["en"] == pytest.approx(2.0, rel=0.12)


def test_texts_of_a_label_that_the_head_lacks_don_t_spoil_the_fit():
    scored = make(4000, sharpness=2.0, two=True)
    probabilities = scored.probabilities.copy()
    probabilities[:, 1] = 0.0
    gold = scored.dataset.gold.copy()
    gold[::3] = (0, 1, 0)
    served = scored._replace(
        probabilities=probabilities, dataset=scored.dataset._replace(gold=gold)
    )
    fit = fit_head([served], ("negative", "positive"), CODES)
    assert fit.temperature["en"] == pytest.approx(2.0, rel=0.12)


def test_the_error_is_that_of_texts_the_fit_has_not_seen():
    """Labels by chance: a fit on the same texts would look better than it is."""
    scored = make(120, sharpness=1.0)
    gold = np.eye(3, dtype=np.float32)[np.random.default_rng(3).integers(0, 3, 120)]
    fit = fit_head([scored._replace(dataset=scored.dataset._replace(gold=gold))], POLARITY, CODES)
    assert fit.error["en"] > 0.04


def test_too_few_texts_fit_nothing():
    assert fit_head([make(60)], POLARITY, CODES) == ({"*": 1.0}, {}, UNSURE_DEFAULT)
    assert fit_head([], POLARITY, CODES).temperature == {"*": 1.0}


def test_below_the_threshold_answers_are_mostly_guesses():
    scored = make(8000)
    threshold = fit_head([scored], POLARITY, CODES).low_confidence
    confidence, predicted = scored.probabilities.max(axis=1), scored.probabilities.argmax(axis=1)
    right = scored.dataset.gold[np.arange(8000), predicted] > 0
    assert 0.4 < threshold < 0.9
    assert right[confidence < threshold].mean() <= 0.62
    assert right[confidence < threshold + 0.05].mean() > 0.6


def test_a_model_that_is_always_right_is_hardly_ever_called_unsure():
    scored = make(2000)
    gold = np.eye(3, dtype=np.float32)[scored.probabilities.argmax(axis=1)]
    fit = fit_head([scored._replace(dataset=scored.dataset._replace(gold=gold))], POLARITY, CODES)
    assert fit.low_confidence == 0.4


def test_texts_without_an_answer_are_left_out():
    scored = make(2000, sharpness=2.0)
    predictions = [None if at % 2 else p for at, p in enumerate(scored.predictions)]
    probabilities = scored.probabilities.copy()
    probabilities[1::2] = 1 / 3
    fit = fit_head(
        [scored._replace(predictions=predictions, probabilities=probabilities)], POLARITY, CODES
    )
    assert fit.temperature["en"] == pytest.approx(2.0, rel=0.15)
