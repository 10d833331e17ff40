import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from networks import TOKENIZER, collator, encoder, examples, target
from sentire.text.normalize import NormalizationSettings
from sentire.text.tokenize import TextTokenizer
from sentire.training.examples import Example, batches, crop, encode, padded_width
from sentire.training.mixture import TrainingRow


def test_padding_changes_no_answer():
    rows = [Example(np.arange(5, 9, dtype=np.int32), {}), examples()[5]]
    first, both = np.array([0]), np.array([0, 1])
    net = encoder(embedding=8).eval()
    collate = collator()
    with torch.no_grad():
        one = net(*collate(rows, first, ends=np.zeros(1, bool))[:2])
        two = net(*collate([rows[0], Example(np.arange(4, 30, dtype=np.int32), {})], both,
                           ends=np.zeros(2, bool))[:2])  # fmt: skip
    for name in one:
        torch.testing.assert_close(one[name][0], two[name][0], atol=1e-5, rtol=1e-4)


@given(st.lists(st.integers(3, 126), min_size=1, max_size=200), st.integers(128, 2048))
def test_an_epoch_holds_every_example_once_within_the_budget(lengths, budget):
    lengths = np.array(lengths)
    epoch = batches(lengths, max_tokens=budget, max_rows=32, generator=np.random.default_rng(0))
    assert sorted(i for batch in epoch for i in batch) == list(range(len(lengths)))
    widths = padded_width(lengths)
    for batch in epoch:
        assert len(set(widths[batch])) == 1
        assert len(batch) <= 32
        assert len(batch) * widths[batch[0]] <= budget


def test_all_full_batches_of_a_width_have_one_shape():
    lengths = np.random.default_rng(0).integers(3, 60, 1000)
    epoch = batches(lengths, max_tokens=512, max_rows=64, generator=np.random.default_rng(0))
    shapes = [(int(padded_width(lengths[b]).max()), len(b)) for b in epoch]
    for width in {width for width, _ in shapes}:
        rows = sorted((n for w, n in shapes if w == width), reverse=True)
        assert len(set(rows[:-1])) <= 1


def test_a_long_text_is_read_at_its_start_or_its_end():
    ids = np.arange(50, dtype=np.int32)
    assert crop(ids, limit=10, end=False).tolist() == list(range(10))
    assert crop(ids, limit=10, end=True).tolist() == list(range(40, 50))
    assert crop(ids, limit=50, end=True) is ids


def test_rows_carry_the_targets_of_their_heads_only():
    rows = [
        Example(np.array([5, 6], np.int32), {"polarity": target(2, weight=0.5)}),
        Example(np.array([7], np.int32), {"emotion": target(0, "emotion")}),
        Example(np.array([8], np.int32), {}),
    ]
    heads = {"polarity": 3, "emotion": 7}
    batch = collator(heads)(rows, np.arange(3), ends=np.zeros(3, bool))
    assert batch.targets["polarity"].weights.tolist() == [0.5, 0.0, 0.0]
    assert batch.targets["emotion"].weights.tolist() == [0.0, 1.0, 0.0]
    assert batch.targets["polarity"].gold[0].tolist() == [0.0, 0.0, 1.0]


def test_dropped_tokens_become_unknown_and_special_ones_never():
    rows = [Example(np.full(28, 40, np.int32), {})]
    collate = collator(token_dropout=0.5)
    generator = np.random.default_rng(0)
    ids = collate(rows, np.array([0]), ends=np.zeros(1, bool), generator=generator).input_ids[0]
    unknown = TextTokenizer(TOKENIZER).unknown_id
    assert ids[0] == 0
    assert ids[29] == 2
    assert 5 < int((ids[1:29] == unknown).sum()) < 23
    assert (collate(rows, np.array([0]), ends=np.zeros(1, bool)).input_ids[0][1:29] == 40).all()


def test_rows_are_read_as_serving_reads_them():
    tokenizer = TextTokenizer(TOKENIZER)
    [example] = encode(
        [TrainingRow("服务很好！！！！！！", {}, None)], tokenizer, NormalizationSettings()
    )
    [same] = encode([TrainingRow("服务很好！！！", {}, None)], tokenizer, NormalizationSettings())
    assert example.ids.tolist() == same.ids.tolist()
