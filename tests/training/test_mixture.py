import numpy as np
import pytest

from networks import dataset
from sentire.errors import SourceError
from sentire.training.mixture import TrainingSource, class_weights, join, text_key


def source(**options):
    return TrainingSource(file="made.csv", **options)


def test_held_out_texts_and_copies_are_left_out():
    rows = [
        ("Great phone!", "positive"),
        ("great  phone", "negative"),
        ("太差了", "negative"),
        ("fine", "negative"),
    ]
    kept, [used] = join([(dataset(rows), source())], held_out={text_key("太 差了。")})
    assert [row.text for row in kept] == ["Great phone!", "fine"]
    assert kept[0].targets["polarity"].gold.tolist() == [0.0, 0.0, 1.0]
    assert (used.n_rows, used.n_held_out, used.n_copies) == (2, 1, 1)


def test_a_text_of_two_sources_gets_a_target_for_each_head():
    polarity = dataset([("so sad", "negative"), ("nice", "positive")])
    emotion = dataset([("So sad!", "sadness"), ("wow", "surprise")], head="emotion")
    rows, _ = join(
        [(polarity, source()), (emotion, source(head="emotion", weight=0.5))], held_out=set()
    )
    assert [sorted(row.targets) for row in rows] == [
        ["emotion", "polarity"],
        ["polarity"],
        ["emotion"],
    ]
    assert rows[0].targets["emotion"].weight == pytest.approx(0.5)


def test_what_a_source_lacks_its_rows_say_nothing_about():
    two = dataset([("a", "negative"), ("b", "positive")])
    rows, _ = join([(two, source())], held_out=set())
    assert rows[0].targets["polarity"].allowed.tolist() == [True, False, True]


def test_a_limit_draws_the_same_rows_each_time():
    data = dataset([(f"text {i}", ("negative", "positive")[i % 2]) for i in range(100)])
    draws = [
        [row.text for row in join([(data, source(limit=10))], held_out=set(), seed=seed)[0]]
        for seed in (1, 1, 2)
    ]
    assert len(draws[0]) == 10
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("rows", "held_out", "message"),
    [
        pytest.param([("a", "positive")], set(), "one class only", id="one class"),
        pytest.param(
            [("a", "positive"), ("b", "negative")], {"a", "b"}, "nothing is left", id="all held out"
        ),
    ],
)
def test_a_source_that_teaches_nothing_is_refused(rows, held_out, message):
    with pytest.raises(SourceError, match=message):
        join([(dataset(rows), source())], held_out=held_out)


def test_balance_lets_each_class_count_the_same():
    gold = np.eye(3, dtype=np.float32)[[0, 0, 0, 2]]
    assert class_weights(gold, balance=0.0).tolist() == [1.0] * 4
    full = class_weights(gold, balance=1.0)
    assert full.mean() == pytest.approx(1.0)
    assert full[:3].sum() == pytest.approx(full[3])
