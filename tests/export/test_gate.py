"""What INT8 may lose, and the smallest choice of layers that stays within it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.export.figures import languages_of
from sentire.export.gate import GateLimits, GateVerdict, Loss, Shift, judge, mean_points
from sentire.export.search import fewest
from sentire.export.sensitivity import Cost

LIMITS = GateLimits()


def loss(points, *, data="reviews", language="zh", n=10_000):
    return Loss(data, "polarity", language, "accuracy", n, fp32=0.9, int8=0.9 - points / 100)


@pytest.mark.parametrize(
    ("losses", "broken"),
    [
        pytest.param([0.2, 0.4], [], id="0.3 on average is allowed"),
        pytest.param([0.2, 0.5], ["zh loses 0.35 points on average (at most 0.3)"], id="too much"),
        pytest.param([0.81, -0.5], ["set0 (zh) loses 0.81 points (at most 0.8)"], id="one set"),
        pytest.param([-1.0, -2.0], [], id="better than before"),
        pytest.param(
            [1.0],
            [
                "zh loses 1.00 points on average (at most 0.3)",
                "set0 (zh) loses 1.00 points (at most 0.8)",
            ],
            id="both",
        ),
    ],
)  # fmt: skip
def test_losses_are_held_against_both_limits(losses, broken):
    given_losses = [loss(points, data=f"set{at}") for at, points in enumerate(losses)]
    assert judge(given_losses, [], LIMITS).broken == broken


def test_languages_are_judged_apart():
    found = judge([loss(0.5, language="zh"), loss(-0.5, language="en")], [], LIMITS)
    assert found.broken == ["zh loses 0.50 points on average (at most 0.3)"]
    assert mean_points(found.losses) == pytest.approx({"zh": 0.5, "en": -0.5})


@pytest.mark.parametrize(("n_changed", "holds"), [(1, True), (2, False)])
def test_one_text_of_a_small_set_may_change(n_changed, holds):
    assert judge([loss(n_changed, n=100)], [], LIMITS).holds == holds


def test_shifts_count_only_where_nothing_is_labelled():
    shift = Shift("emotion", "en", 50, distance=0.2, changed=0.5)
    assert judge([], [shift], LIMITS).broken == [
        "emotion (en) moves 0.200 of its probability (at most 0.03)",
        "emotion (en) changes 50.0% of its labels (at most 5%)",
    ]
    assert judge([loss(0.0)], [shift], LIMITS).holds


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        pytest.param(
            ["zh", "und", "ja", "zh"], ["zh"] * 4, id="what is not known counts with most"
        ),
        pytest.param(["zh"] * 19 + ["en"], ["zh"] * 20, id="a few strays"),
        pytest.param(["zh", "en", "und"], ["zh", "en", "zh"], id="two languages"),
        pytest.param(["und"], ["en"], id="nothing known"),
    ],
)
def test_texts_count_for_a_language_that_the_model_supports(codes, expected):
    assert languages_of(codes, ("en", "zh")) == expected


@given(st.integers(1, 40), st.integers(1, 60))
def test_the_smallest_number_of_layers_that_holds_is_found(most, needed):
    tried = []

    def rank(kept):
        return [Cost(f"layer{at}", 1 / (at + 1), 100) for at in range(len(kept), most)]

    def try_out(kept):
        tried.append(len(kept))
        return GateVerdict([], [], [] if len(kept) >= needed else ["too much"])

    found = fewest(rank, try_out, most=most)
    assert found.verdict.holds == (needed <= most)
    n_kept = min(needed, most)
    assert [cost.layer for cost in found.kept] == [f"layer{at}" for at in range(n_kept)]
    assert max(tried) <= most
    assert len(tried) == len(set(tried)) <= 12


def test_layers_are_ranked_anew_beside_those_that_are_kept():
    """Each layer hides the next one's cost."""
    hidden = {"a": "b", "b": "c", "c": "d"}

    def rank(kept):
        worst = hidden[kept[-1].layer] if kept else "a"
        return [Cost(worst, 1.0, 1), *(Cost(f"harmless{at}", 0.0, 1) for at in range(9))]

    def try_out(kept):
        names = {cost.layer for cost in kept}
        return GateVerdict([], [], [] if {"a", "b"} <= names else ["too much"])

    assert [cost.layer for cost in fewest(rank, try_out, most=9).kept] == ["a", "b"]
