import numpy as np
import pytest

from sentire.errors import InputError
from sentire.evaluation.fewshot import few_shot


def clusters(n_each, *, noise, seed=1, n_categories=3):
    """Vectors around one direction for each category."""
    generator = np.random.default_rng(seed)
    middles = np.eye(8)[:n_categories]
    names = [f"c{i}" for i in range(n_categories) for _ in range(n_each)]
    around = noise * generator.normal(size=(n_each * n_categories, 8))
    return (np.repeat(middles, n_each, axis=0) + around).astype(np.float32), names


def test_clear_categories_are_found_and_noise_is_not():
    clear = few_shot(*clusters(60, noise=0.05), n_each=10, seeds=(1, 2, 3))
    assert clear.value > 0.99
    vectors, names = clusters(60, noise=0.05)
    shuffled = list(np.random.default_rng(2).permutation(names))
    chance = few_shot(vectors, shuffled, n_each=10, seeds=(1, 2, 3))
    assert chance.low < 1 / 3 + 0.08
    assert chance.high > 1 / 3 - 0.08


def test_the_interval_holds_the_mean_and_a_length_does_not_matter():
    vectors, names = clusters(40, noise=0.6)
    found = few_shot(vectors, names, n_each=5, seeds=range(5))
    assert found.low < found.value < found.high
    lengths = np.random.default_rng(4).uniform(0.5, 9, (len(names), 1))
    longer = few_shot((vectors * lengths).astype(np.float32), names, n_each=5, seeds=range(5))
    assert longer.value == pytest.approx(found.value, abs=0.01)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        pytest.param(lambda v, n: (v[:-1], n), {}, "don't fit", id="other numbers"),
        pytest.param(lambda v, n: (v, ["a"] * len(n)), {}, "one category", id="one category"),
        pytest.param(lambda v, n: (v * 0, n), {}, "zero", id="zero vectors"),
        pytest.param(lambda v, n: (v * np.nan, n), {}, "not finite", id="not finite"),
        pytest.param(lambda v, n: (v, n), {"n_each": 12}, "'c0' has 12 texts", id="too few"),
        pytest.param(lambda v, n: (v, n), {"n_each": 5, "seeds": (1,)}, "seeds", id="one seed"),
    ],
)
def test_what_can_t_be_measured_says_why(change, options, message):
    with pytest.raises(InputError, match=message):
        few_shot(*change(*clusters(12, noise=0.1)), **options)
