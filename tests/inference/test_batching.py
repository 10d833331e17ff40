import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.inference.batching import Batching, LengthBuckets, pad, padded_width


def taken(lengths, **budget):
    buckets = LengthBuckets(Batching(**budget))
    for number, n_tokens in enumerate(lengths):
        buckets.add(number, n_tokens)
    return buckets.take()


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        pytest.param([], [], id="nothing waits"),
        pytest.param([16, 16, 16, 16], [0, 1, 2, 3], id="equal lengths run together"),
        pytest.param([16, 16, 16], [0, 1], id="as many as a power of two"),
        pytest.param([16, 128, 14], [0, 2], id="a long text waits for its own batch"),
        pytest.param([128, 16], [0], id="a short text does not pay for a long one"),
        pytest.param([64] * 9, [0, 1, 2, 3], id="six rows of 64 fill 400 tokens, four are taken"),
        pytest.param([500, 10], [0], id="a text over the budget runs alone"),
        pytest.param([190, 190], [0], id="long windows run alone: attention takes their square"),
    ],
)
def test_batch_stays_within_the_padded_budget(lengths, expected):
    assert taken(lengths, max_tokens=400, max_rows=32) == expected


@given(st.lists(st.integers(1, 200), max_size=80), st.integers(8, 600), st.integers(1, 40))
def test_everything_runs_once_the_oldest_first_and_within_the_budget(lengths, tokens, rows):
    buckets = LengthBuckets(Batching(max_tokens=tokens, max_rows=rows))
    for number, n_tokens in enumerate(lengths):
        buckets.add(number, n_tokens)
    left = set(range(len(lengths)))
    while batch := buckets.take():
        assert min(left) in batch
        widest = max(padded_width(lengths[number]) for number in batch)
        assert len(batch) == 1 or (widest * len(batch) <= tokens and len(batch) <= rows)
        assert left.issuperset(batch)
        left.difference_update(batch)
    assert not left
    assert len(buckets) == 0


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        pytest.param([128] * 8, [2, 1, 1, 1, 1, 1, 1], id="windows of one text"),
        pytest.param([16] * 8, [8], id="little work is not divided"),
        pytest.param([16] * 64, [16, 8, 8, 8, 8, 8, 8], id="each takes its part of what is left"),
        pytest.param([128] * 64, [4] * 13 + [2] * 3 + [1] * 6, id="at most the budget"),
    ],
)
def test_what_waits_is_divided_between_the_runs(lengths, expected):
    buckets = LengthBuckets(Batching(max_tokens=512), n_runs=4)
    for number, n_tokens in enumerate(lengths):
        buckets.add(number, n_tokens)
    sizes = []
    while batch := buckets.take():
        sizes.append(len(batch))
    assert sizes == expected


def test_drain_gives_all_that_waits():
    buckets = LengthBuckets(Batching())
    for number in range(5):
        buckets.add(number, 10 * number + 1)
    assert sorted(buckets.drain()) == [0, 1, 2, 3, 4]
    assert buckets.take() == []


def test_padding_is_masked():
    batch = pad([np.array([0, 5, 2], np.int32), np.arange(9, dtype=np.int32)], pad_id=1)
    assert batch.input_ids.shape == (2, 16)
    assert batch.input_ids[0].tolist() == [0, 5, 2] + [1] * 13
    assert batch.attention_mask.sum(axis=1).tolist() == [3, 9]
