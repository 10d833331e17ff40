import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    recall_score,
)

from sentire.evaluation.metrics import (
    METRICS,
    Outcomes,
    count,
    f1s,
    measure,
    measure_difference,
    precisions,
    recalls,
    wilson,
)

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


def single(gold, predicted, n_labels=4):
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    eye = np.eye(n_labels, dtype=bool)
    return Outcomes(eye[gold], eye[predicted], gold == predicted)


def drawn(n, seed=3, n_labels=3):
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, n_labels, n)
    predicted = np.where(generator.random(n) < 0.7, gold, generator.integers(0, n_labels, n))
    return gold, predicted


@given(PAIRS)
def test_figures_agree_with_other_people_s(pairs):
    gold, predicted = map(np.array, zip(*pairs, strict=True))
    counts = count(single(gold, predicted))
    present = np.unique(gold)
    assert METRICS["accuracy"](counts) == pytest.approx(accuracy_score(gold, predicted))
    for name, score in (("macro_recall", recall_score), ("macro_f1", f1_score)):
        theirs = score(gold, predicted, labels=present, average="macro", zero_division=0)
        assert METRICS[name](counts) == pytest.approx(theirs)
    if len(present) > 1:  # scikit-learn warns of a single class
        assert METRICS["mcc"](counts) == pytest.approx(matthews_corrcoef(gold, predicted))
    precision, recall, f1, _ = precision_recall_fscore_support(
        gold, predicted, labels=range(4), zero_division=0
    )
    assert precisions(counts) == pytest.approx(precision)
    assert recalls(counts) == pytest.approx(recall)
    assert f1s(counts) == pytest.approx(f1)


def test_several_labels_are_counted_each_by_itself():
    generator = np.random.default_rng(5)
    gold = generator.random((200, 4)) < 0.4
    gold[:, 0] |= ~gold.any(axis=1)
    predicted = generator.random((200, 4)) < 0.4
    counts = count(Outcomes(gold, predicted, gold[:, 0]))
    assert METRICS["macro_f1"](counts) == pytest.approx(f1_score(gold, predicted, average="macro"))
    assert METRICS["accuracy"](counts) == pytest.approx(gold[:, 0].mean())


def test_intervals_are_those_of_the_textbook_s_bootstrap():
    gold, predicted = drawn(400)
    generator = np.random.default_rng(11)
    draws = (generator.integers(0, 400, 400) for _ in range(2000))
    slow = [f1_score(gold[rows], predicted[rows], average="macro") for rows in draws]
    quick = measure(single(gold, predicted), METRICS)["macro_f1"]
    assert quick.value == f1_score(gold, predicted, average="macro")
    assert [quick.low, quick.high] == pytest.approx(np.percentile(slow, [2.5, 97.5]), abs=0.006)


def test_intervals_narrow_with_more_texts():
    gold, predicted = drawn(40)
    small = measure(single(gold, predicted), METRICS)["accuracy"]
    large = measure(single(np.tile(gold, 50), np.tile(predicted, 50)), METRICS)["accuracy"]
    assert small.low <= small.value <= small.high
    assert large.high - large.low < small.high - small.low


def test_intervals_of_two_runs_are_the_same():
    gold, predicted = drawn(100)
    assert measure(single(gold, predicted), METRICS) == measure(single(gold, predicted), METRICS)


def test_a_difference_is_paired():
    gold, predicted = drawn(500)
    other = predicted.copy()
    other[:40] = (gold[:40] + 1) % 3
    alone = measure(single(gold, predicted), METRICS)["accuracy"]
    paired = measure_difference(single(gold, predicted), single(gold, other), METRICS)["accuracy"]
    assert paired.low > 0
    assert paired.high - paired.low < alone.high - alone.low
    same = measure_difference(single(gold, predicted), single(gold, predicted), METRICS)
    assert {(d.value, d.low, d.high) for d in same.values()} == {(0, 0, 0)}


def test_wilson_s_interval():
    found = wilson(9, 10)  # figures of statsmodels' proportion_confint(9, 10, method="wilson")
    assert [found.value, found.low, found.high] == pytest.approx([0.9, 0.59585, 0.98212], abs=1e-5)
    assert wilson(3, 3).low < 0.5 < wilson(3, 3).high == 1


def test_a_metric_stays_defined_where_a_label_is_missing_from_a_sample():
    outcomes = single([0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0], 2)
    found = measure(outcomes, METRICS)
    assert all(np.isfinite([v.value, v.low, v.high]).all() for v in found.values())
    assert found["mcc"].value == 0
