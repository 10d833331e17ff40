"""How many replicas: by requests, by waits, and what is left alone."""

import pytest

from sentire.distributed.autoscaler import wanted_replicas


@pytest.mark.parametrize(
    ("n_running", "n_requests", "wait_ms", "wanted"),
    [
        pytest.param(1, 0, 0, 0, id="nothing to do"),
        pytest.param(1, 40, 0, 4, id="four times the requests"),
        pytest.param(2, 10, 75, 3, id="waits are half again too long"),
        pytest.param(2, 10, 5000, 4, id="a long wait at most doubles"),
        pytest.param(3, 10, 20, 3, id="a wait within its bound keeps what there is"),
        pytest.param(3, 10, 1, 1, id="no wait to speak of, and few requests"),
        pytest.param(2, 60, 75, 6, id="the larger of both"),
    ],
)
def test_requests_and_waits_say_how_many(n_running, n_requests, wait_ms, wanted):
    given = {"target_requests": 10, "target_wait_ms": 50}
    assert wanted_replicas(n_running, n_requests=n_requests, wait_ms=wait_ms, **given) == wanted
