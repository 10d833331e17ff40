"""What workers tell each other, without processes; ``tests/cli/test_workers.py`` has those."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from sentire.errors import OptionError
from sentire.service.accepting import Loads
from sentire.service.peers import Answer, Peers, Question
from sentire.service.states import ModelFigures, State, families, worker_families
from sentire.service.supervisor import wait_before
from sentire.service.workers import private_folder, shares


@pytest.mark.parametrize(
    ("n_threads", "n_workers", "expected"),
    [
        pytest.param(4, 2, [2, 2], id="even"),
        pytest.param(5, 3, [2, 2, 1], id="uneven"),
        pytest.param(2, 4, [1, 1, 1, 1], id="more workers than threads"),
    ],
)
def test_threads_are_divided_and_nobody_goes_without(n_threads, n_workers, expected):
    assert shares(n_threads, n_workers) == expected


def test_what_fails_again_and_again_is_tried_less_and_less():
    waits = [wait_before(n) for n in range(40)]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] == 30


def test_a_worker_is_behind_those_with_fewer_connections_while_they_say_so(tmp_path):
    now = [100.0]
    one, two, three = (
        Loads(Peers(tmp_path, number=number, n_workers=3), clock=lambda: now[0])
        for number in (1, 2, 3)
    )
    assert one.ahead(5) == 0, "nobody else has said anything"
    two.tell(3)
    three.tell(7)
    one.tell(5)
    assert [one.ahead(5), two.ahead(3), three.ahead(7)] == [2, 0, 4]
    now[0] += 0.9
    three.tell(4)
    now[0] += 0.2
    assert one.ahead(5) == 1, "the second worker is away, or hangs"


def state(worker, *, ready=True, version="1.0.0", n_waiting=0, cache_bytes=10):
    model = ModelFigures("tiny", ready, n_waiting, [(version, f"sha256:{version}", "fake")])
    return State(worker, 1, [model], cache_bytes)


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


def test_workers_ask_each_other_and_do_without_who_is_away():
    async def answer(question):
        return Answer(error=f"no {question.model}") if question.model else Answer(state=state(2))

    async def main(folder):
        one, two = (Peers(folder, number=number, n_workers=3) for number in (1, 2))
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(two.answering(answer))
            answers = await one.ask(Question("load", "shop"))
            assert answers == {2: Answer(error="no shop"), 3: None}
            assert await one.states() == [state(2)]
        assert await one.states() == []

    with private_folder() as folder:
        asyncio.run(main(folder))


def test_a_worker_that_does_not_answer_in_time_is_left_out():
    async def never(_):
        await asyncio.Event().wait()

    async def main(folder):
        one, two = (Peers(folder, number=number, n_workers=2) for number in (1, 2))
        async with two.answering(never):
            assert await one.ask(Question("state"), within_s=0.1) == {2: None}

    with private_folder() as folder:
        asyncio.run(main(folder))


def test_only_this_user_may_enter_where_workers_meet():
    with private_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_used_is_said(tmp_path, monkeypatch):
    async def main(folder):
        async with Peers(folder, number=1, n_workers=2).answering(None):
            pytest.fail("the path is too long for a socket")

    long = tmp_path / ("x" * 100)
    long.mkdir()
    with pytest.raises(OptionError, match="TMPDIR"):
        asyncio.run(main(long))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(OptionError, match="TMPDIR"), private_folder():
        pytest.fail("there is no such folder")
