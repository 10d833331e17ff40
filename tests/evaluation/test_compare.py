import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sentire.evaluation.compare import compare, mcnemar
from sentire.evaluation.metrics import METRICS, Outcomes


def predicted(right):
    """Outcomes over two labels, of which the first always holds."""
    right = np.asarray(right, bool)
    gold = np.tile([True, False], (len(right), 1))
    return Outcomes(gold, np.stack([right, ~right], axis=1), right)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_test_is_the_exact_binomial_one(one, other):
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected, rel=1e-9)


def test_large_counts_stay_within_reach():
    assert 0 < mcnemar(19_800, 20_200) < 0.05
    assert mcnemar(30_000, 10_000) == 0 or mcnemar(30_000, 10_000) < 1e-100


@pytest.mark.parametrize(
    ("n_ours", "n_other", "verdict"),
    [
        pytest.param(30, 10, "better", id="better"),
        pytest.param(10, 30, "worse", id="worse"),
        pytest.param(12, 10, "no difference shown", id="luck"),
        pytest.param(0, 0, "no difference shown", id="the same answers"),
    ],
)
def test_verdicts_follow_the_texts_that_only_one_gets_right(n_ours, n_other, verdict):
    ours = [True] * 50 + [True] * n_ours + [False] * n_other + [False] * 9
    other = [True] * 50 + [False] * n_ours + [True] * n_other + [False] * 9
    found = compare(predicted(ours), predicted(other), METRICS)
    assert found.verdict == verdict
    counts = (found.both_right, found.only_this, found.only_other, found.both_wrong)
    assert counts == (50, n_ours, n_other, 9)
    difference = found.differences["accuracy"]
    assert difference.value == pytest.approx((n_ours - n_other) / len(ours))
    assert difference.low <= difference.value <= difference.high
