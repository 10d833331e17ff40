"""One view of several processes, without processes."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from sentire.serving.states import ModelFigures, ProcessState, families, worker_families


def state(worker, *, ready=True, version="1.0.0", n_waiting=0, cache_bytes=10):
    model = ModelFigures("tiny", ready, n_waiting, [(version, f"sha256:{version}", "fake")])
    return ProcessState(worker, 1, [model], cache_bytes)


def page(collected):
    class Collected(Collector):
        def collect(self):
            return collected

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected())
    return generate_latest(registry).decode()


def test_gauges_are_summed_and_the_least_ready_counts():
    states = [
        state(1, n_waiting=3),
        state(2, n_waiting=4, ready=False, version="2.0.0", cache_bytes=5),
        state(3),
    ]
    told = page(families(states))
    assert 'sentire_queue_pieces{model="tiny"} 7.0' in told
    assert 'sentire_model_ready{model="tiny"} 0.0' in told
    assert "sentire_cache_bytes 25.0" in told
    infos = [line for line in told.splitlines() if line.startswith("sentire_model_info{")]
    assert len(infos) == 2, "each version once"
    assert all(line.endswith(" 1.0") for line in infos)
    assert "sentire_cache_bytes" not in page(families([state(1, cache_bytes=None)]))


def test_a_worker_that_is_away_is_missing_and_not_an_error():
    told = page(worker_families([state(1)], n_workers=3))
    assert "sentire_workers 3.0" in told
    assert "sentire_workers_ready 1.0" in told
