import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from networks import dataset, sentences
from sentire.errors import SourceError
from sentire.training.mixture import text_key
from sentire.training.splits import split


def shares(data):
    return data.gold.mean(axis=0)


def test_each_class_is_held_back_by_its_share():
    data = dataset(sentences(600))
    rest, held = split(data, share=0.2)
    assert len(rest.texts) + len(held.texts) == 600
    assert len(held.texts) == pytest.approx(120, abs=3)
    np.testing.assert_allclose(shares(rest), shares(held), atol=0.02)


@given(st.integers(0, 50))
def test_copies_never_stand_on_both_sides(seed):
    rows = [(f"text {i // 2}" + "!" * (i % 2), ("negative", "positive")[i % 4 // 2])
            for i in range(200)]  # fmt: skip
    rest, held = split(dataset(rows), share=0.2, seed=seed)
    assert not {text_key(t) for t in rest.texts} & {text_key(t) for t in held.texts}


@given(st.integers(0, 50))
def test_groups_never_stand_on_both_sides(seed):
    rows = sentences(300)
    data = dataset(rows, groups=[f"author {i % 60}" for i in range(300)])
    rest, held = split(data, share=0.2, seed=seed)
    assert not set(rest.groups) & set(held.groups)
    assert held.texts


def test_too_few_rows_are_refused_with_the_number_needed():
    with pytest.raises(SourceError, match="30 labelled rows; at least 40 are needed"):
        split(dataset(sentences(30)), share=0.1)


def test_one_group_for_all_can_not_be_split():
    with pytest.raises(SourceError, match="groups too large"):
        split(dataset(sentences(100), groups=["one"] * 100), share=0.2)
