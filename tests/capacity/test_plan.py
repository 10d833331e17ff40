import math

import pytest
from queue_simulation import simulated_p99

from sentire.capacity.plan import HEADROOM, Costs, best_rate, cheapest, estimate, options, peak


def costs(**change: float) -> Costs:
    """Costs as two cores of 2026 have them for texts of 24 tokens; a lone text has no noise."""
    found = {"batch_s": 0.0004, "row_s": 0.00125, "largest": 16, "python_s": 0.00055} | change
    lone = found["batch_s"] + found["row_s"] + found["python_s"]
    return Costs(**{"lone_p99_s": lone} | found)


KINDS = {
    "usual": costs(),
    "short texts": costs(row_s=0.0004, largest=32),
    "long texts": costs(row_s=0.006, largest=4),
    "batches pay": costs(batch_s=0.004),
}


@pytest.mark.parametrize("cores", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_the_estimate_bounds_a_simulation_with_the_real_rule_for_batches(kind, cores):
    found = KINDS[kind]
    most = best_rate(found, p99_s=10.0, cores=cores)
    for share in (0.1, 0.5, 1.0):
        rate = share * most
        simulated = simulated_p99(found, rate=rate, cores=cores, n_texts=6000)
        estimated = estimate(found, rate=rate, cores=cores).p99_s
        assert 0.9 * simulated <= estimated <= 4 * simulated, f"at {share:.0%} of the most"


@pytest.mark.parametrize("kind", KINDS)
def test_more_texts_never_make_the_estimate_better(kind):
    found = [estimate(KINDS[kind], rate=rate, cores=2) for rate in range(1, 2000, 7)]
    p99s, used = ([getattr(each, name) for each in found] for name in ("p99_s", "used"))
    assert p99s == sorted(p99s)
    assert used == sorted(used)


def test_a_rate_that_a_replica_does_not_keep_up_with_takes_for_ever():
    assert math.isinf(estimate(costs(), rate=2000, cores=1).p99_s)
    assert math.isinf(estimate(costs(python_s=0.001), rate=1001, cores=64).p99_s)


def test_a_burst_may_be_larger_than_a_plan_and_is_taken_in_batches():
    found = costs(batch_s=0.004)
    assert peak(found, cores=2) > 4 * best_rate(found, p99_s=1.0, cores=2)
    assert simulated_p99(found, rate=0.9 * peak(found, cores=2), cores=2, n_texts=6000) < 0.2
    assert simulated_p99(found, rate=1.2 * peak(found, cores=2), cores=2, n_texts=6000) > 0.2


@pytest.mark.parametrize("cores", [1, 2, 4, 8])
@pytest.mark.parametrize("p99_s", [0.005, 0.02, 0.5])
def test_the_best_rate_is_within_both_limits_and_a_little_more_is_not(cores, p99_s):
    best = best_rate(costs(), p99_s=p99_s, cores=cores)

    def fits(rate):
        found = estimate(costs(), rate=rate, cores=cores)
        return found.p99_s <= p99_s and max(found.used, found.python) <= HEADROOM

    assert fits(best)
    assert not fits(1.01 * best)


def test_python_bounds_a_replica_with_many_cores():
    two, many = (best_rate(costs(), p99_s=1.0, cores=n) for n in (2, 64))
    assert many == pytest.approx(HEADROOM / 0.00055, rel=0.01)
    assert many < 32 * two


def test_a_time_below_that_of_a_lone_text_is_met_by_nothing():
    assert best_rate(costs(), p99_s=0.002, cores=8) == 0
    assert list(options(costs(), rate=500, p99_s=0.002, cores=(1, 8))) == []
    assert cheapest([]) is None


@pytest.mark.parametrize("rate", [1, 500, 25_000, 1_000_000])
def test_the_replicas_of_every_option_carry_the_load(rate):
    found = list(options(costs(), rate=rate, p99_s=0.05, cores=(1, 2, 4, 8)))
    assert found
    for option in found:
        assert option.rate * option.replicas >= rate
        assert option.estimate.p99_s <= 0.05
        assert option.estimate.used <= HEADROOM
        assert option.rate * (option.replicas - 1) < rate
    best = cheapest(found)
    assert best.total_cores == min(option.total_cores for option in found)


def test_longer_texts_need_more_cores():
    short, long = (
        cheapest(list(options(KINDS[kind], rate=5000, p99_s=0.2, cores=(1, 2, 4, 8))))
        for kind in ("short texts", "long texts")
    )
    assert long.total_cores > 3 * short.total_cores
