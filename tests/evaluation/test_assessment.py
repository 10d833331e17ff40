import numpy as np
import pytest
from records import one_hot, scored
from sklearn.metrics import confusion_matrix, f1_score

from sentire.errors import SourceError
from sentire.evaluation.assessment import HOLDS, N_MISTAKES, assess, assess_together
from sentire.evaluation.calibration import calibration_error, reliability


def probabilities_for(predicted, n_labels=3, *, sure=0.8):
    probabilities = np.full((len(predicted), n_labels), (1 - sure) / (n_labels - 1))
    probabilities[np.arange(len(predicted)), predicted] = sure
    return probabilities


@pytest.fixture
def three_classes():
    """300 texts of three labels, and what a fair model said of them."""
    generator = np.random.default_rng(11)
    gold = generator.integers(0, 3, 300)
    predicted = np.where(generator.random(300) < 0.75, gold, generator.integers(0, 3, 300))
    sure = generator.uniform(0.4, 0.99, (300, 1))
    probabilities = np.where(np.eye(3, dtype=bool)[predicted], sure, (1 - sure) / 2)
    return gold, predicted, scored(one_hot(gold), probabilities, codes=["en", "zh"] * 150)


def test_a_set_s_figures(three_classes):
    gold, predicted, found = three_classes
    result = assess(found)
    assert (result.n, result.labels) == (300, ["negative", "neutral", "positive"])
    assert result.figures["accuracy"].value == pytest.approx((gold == predicted).mean())
    assert result.confusion == confusion_matrix(gold, predicted).tolist()
    assert [label.n for label in result.per_label] == np.bincount(gold).tolist()
    expected = f1_score(gold, predicted, average=None)
    assert [label.f1 for label in result.per_label] == pytest.approx(expected)
    everything = result.calibration[0]
    assert (everything.language, everything.n) == ("*", 300)
    bins = reliability(found.probabilities.max(axis=1), predicted == gold)
    assert everything.error == pytest.approx(calibration_error(bins))
    assert sorted(c.language for c in result.calibration[1:]) == ["en", "zh"]


def test_mistakes_are_wrong_and_the_surest_come_first(three_classes):
    gold, predicted, found = three_classes
    mistakes = assess(found).mistakes
    assert len(mistakes) == N_MISTAKES
    assert [m.score for m in mistakes] == sorted((m.score for m in mistakes), reverse=True)
    wrong = found.probabilities.max(axis=1)[gold != predicted]
    assert mistakes[0].score == pytest.approx(wrong.max())
    for mistake in mistakes:
        assert found.dataset.texts[mistake.place - 1] == mistake.text
        assert mistake.predicted not in mistake.gold


def test_texts_that_could_not_be_scored_count_nowhere_but_are_told():
    gold = one_hot([0, 2, 0, 2])
    result = assess(scored(gold, probabilities_for([0, 2, 0, 0]), missing=(3,)))
    assert result.n == 3
    assert result.figures["accuracy"].value == 1
    assert result.reading.unscored == {"empty_text": 1}
    assert sum(map(sum, result.confusion)) == 3


def test_nothing_scored_is_an_error():
    with pytest.raises(SourceError, match="none of its 2 texts could be scored"):
        assess(scored(one_hot([0, 2]), probabilities_for([0, 2]), missing=(0, 1)))


def test_one_class_is_refused_for_it_would_look_perfect():
    with pytest.raises(SourceError, match="holds one label only, 'positive'"):
        assess(scored(one_hot([2, 2, 2]), probabilities_for([0, 0, 2])))


def test_where_several_labels_hold_any_of_them_is_right():
    occurs = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 0], [0, 0, 1]])
    probabilities = np.array(
        [[0.5, 0.4, 0.1], [0.8, 0.15, 0.05], [0.32, 0.31, 0.37], [0.2, 0.25, 0.55]]
    )
    gold = np.zeros((4, 7), np.float32)
    gold[:, :3] = occurs / occurs.sum(axis=1, keepdims=True)
    wide = np.zeros((4, 7))
    wide[:, :3] = probabilities
    result = assess(scored(gold, wide, head="emotion"))
    assert result.several_hold
    assert result.labels == ["anger", "disgust", "fear"]
    assert result.figures["accuracy"].value == 0.5
    predicted = probabilities >= HOLDS
    assert result.figures["macro_f1"].value == pytest.approx(
        f1_score(occurs, predicted, average="macro")
    )
    assert "mcc" not in result.figures
    # The first text counts where it was told, the second under both of its labels.
    assert result.confusion == [[1, 0, 1], [0.5, 0, 0], [0.5, 0, 1]]


def test_an_answer_below_the_threshold_is_told_all_the_same():
    gold = np.zeros((3, 7), np.float32)
    gold[0, :2] = 0.5
    gold[1, 2] = gold[2, 3] = 1
    probabilities = np.full((3, 7), 0.1)
    probabilities[:, :4] = [
        [0.26, 0.24, 0.25, 0.25],
        [0.24, 0.25, 0.26, 0.25],
        [0.24, 0.25, 0.25, 0.26],
    ]
    result = assess(scored(gold, probabilities, head="emotion"))
    assert [label.predicted for label in result.per_label] == [1, 0, 1, 1]


def test_two_models_are_compared_on_texts_that_both_could_score(three_classes):
    gold, predicted, found = three_classes
    worse = predicted.copy()
    worse[:60] = (gold[:60] + 1) % 3
    other = scored(one_hot(gold), probabilities_for(worse), missing=(299,))
    result = assess(found, other=other)
    assert result.n == 299
    comparison = result.comparison
    assert comparison.verdict == "better"
    assert comparison.only_this == (predicted[:60] == gold[:60]).sum()
    total = comparison.both_right + comparison.only_this
    assert total + comparison.only_other + comparison.both_wrong == 299


def test_sets_of_a_head_are_also_taken_together(three_classes):
    gold, predicted, first = three_classes
    second = scored(one_hot([0, 2] * 60), probabilities_for([0, 0] * 60), name="second")
    (result,) = assess_together([first, second])
    assert (result.data, result.n) == (["made", "second"], 420)
    assert result.accuracy.value == pytest.approx(((gold == predicted).sum() + 60) / 420)
    sources = {p.name: p.n for p in result.parts if p.dimension == "source"}
    assert sources == {"made": 300, "second": 120}
    assert assess_together([first]) == []
