"""What workers do for each other, without processes; ``tests/cli/test_workers.py`` has those."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from sentire.errors import BackendError
from sentire.workers.heartbeats import Heartbeats
from sentire.workers.member import Member, WorkerStatus
from sentire.workers.supervisor import wait_before


class Worker:
    """A member that notes what it does, and fails where it is told to."""

    def __init__(self, folder, number, *, n_workers=2, error=None, ready=True):
        self.member = Member(folder, number=number, n_workers=n_workers)
        self.done, self.error, self.ready = [], error, ready

    async def apply(self, action, name):
        self.done.append((action, name))
        if self.error:
            raise self.error

    def observe(self):
        return WorkerStatus(self.ready, ["shop 1.0.0"], msgspec.Raw(b"{}"))

    def serving(self):
        self.member.heartbeats.beat(self.member.number, 0)
        return self.member.following(self.apply, self.observe)


def run(scenario):
    """Play a scenario, with a stack for the workers that serve in it."""

    async def main():
        async with AsyncExitStack() as stack, asyncio.timeout(30):
            await scenario(stack)

    asyncio.run(main())


def test_what_fails_again_and_again_is_tried_less_and_less():
    waits = [wait_before(n) for n in range(40)]
    assert waits[:4] == [0, 0.5, 1, 2]
    assert waits == sorted(waits)
    assert waits[-1] == 30


def test_a_worker_is_behind_those_with_fewer_connections_while_they_say_so(tmp_path):
    now = [100.0]
    one, two, three = (Heartbeats(tmp_path, 3, clock=lambda: now[0]) for _ in range(3))
    assert one.beat(1, 5) == 0, "nobody else has said anything"
    assert two.beat(2, 3) == 0
    assert three.beat(3, 7) == 4
    assert one.beat(1, 5) == 2
    now[0] += 0.9
    three.beat(3, 4)
    now[0] += 0.2
    assert one.beat(1, 5) == 1, "the second worker is away, or hangs"
    assert set(one.serving()) == {1, 2, 3}
    assert set(one.serving(fresh=True)) == {1, 3}
    one.clear(2)
    assert set(three.serving()) == {1, 3}


def test_a_change_is_made_by_every_worker_before_it_is_answered(tmp_path):
    async def scenario(stack):
        one, two = Worker(tmp_path, 1), Worker(tmp_path, 2)
        for worker in (one, two):
            await stack.enter_async_context(worker.serving())
        await one.member.change("load", "shop")
        await two.member.change("unload", "shop")
        assert one.done == two.done == [("load", "shop"), ("unload", "shop")]

    run(scenario)


def test_changes_asked_of_two_workers_at_once_are_both_made(tmp_path):
    async def scenario(stack):
        one, two = Worker(tmp_path, 1), Worker(tmp_path, 2)
        for worker in (one, two):
            await stack.enter_async_context(worker.serving())
        names = [f"m{n}" for n in range(10)]
        await asyncio.gather(
            *(
                each.member.change("load", name)
                for name, each in zip(names, [one, two] * 5, strict=True)
            )
        )
        assert sorted(one.done) == sorted(two.done) == [("load", name) for name in names]

    run(scenario)


def test_who_could_not_make_a_change_is_said_and_later_it_can(tmp_path):
    async def scenario(stack):
        one, two = Worker(tmp_path, 1), Worker(tmp_path, 2, error=BackendError("no such file"))
        for worker in (one, two):
            await stack.enter_async_context(worker.serving())
        with pytest.raises(BackendError, match="could load shop: worker 2: no such file"):
            await one.member.change("load", "shop")
        two.error = ValueError("quotes a text")
        with pytest.raises(BackendError, match=r"worker 2: ValueError$"):
            await two.member.change("load", "shop")
        two.error = None
        await one.member.change("load", "shop")

    run(scenario)


def test_nobody_waits_for_a_worker_that_has_ended(tmp_path):
    async def scenario(stack):
        one, two = Worker(tmp_path, 1), Worker(tmp_path, 2)
        await stack.enter_async_context(one.serving())
        async with two.serving():
            assert set(one.member.others()) == {2}
        changing = asyncio.create_task(one.member.change("load", "shop"))
        await asyncio.sleep(0.3)
        assert not changing.done(), "as far as is known it serves"
        one.member.heartbeats.clear(2)
        await changing
        assert one.member.others() == {}

    run(scenario)


def test_a_worker_that_takes_anothers_place_begins_with_what_is_desired(tmp_path):
    async def scenario(stack):
        one = Worker(tmp_path, 1)
        await stack.enter_async_context(one.serving())
        for action, name in (("load", "a"), ("unload", "b"), ("load", "c")):
            await one.member.change(action, name)
        two = Worker(tmp_path, 2)
        # While it opens its models, as they were at their sources before:
        await one.member.change("load", "c")
        async with two.serving():
            assert sorted(two.done) == [("load", "c"), ("unload", "b")]

    run(scenario)


def test_all_are_ready_when_each_has_started_once_and_those_that_serve_are_ready(tmp_path):
    async def scenario(stack):
        one, two = Worker(tmp_path, 1), Worker(tmp_path, 2, ready=False)
        await stack.enter_async_context(one.serving())
        assert not one.member.others_ready, "the second has not started"
        async with two.serving():
            assert not one.member.others_ready
            assert two.member.others_ready
            two.ready = True
            while not one.member.others_ready:
                await asyncio.sleep(0.1)
            two.ready = False
        one.member.heartbeats.clear(2)
        assert one.member.others_ready, "it has ended, and takes no requests"

    run(scenario)
