import asyncio
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from sentire.inference.completion import wait_all


def test_it_waits_for_all_that_other_threads_compute():
    async def main():
        with ThreadPoolExecutor(4) as workers:
            gate = threading.Event()
            futures = [workers.submit(gate.wait, 30) for _ in range(3)]
            futures += [workers.submit(lambda n=n: n) for n in range(100)]
            waiting = asyncio.create_task(wait_all(futures))
            done, _ = await asyncio.wait([waiting], timeout=0)
            assert not done
            gate.set()
            await waiting
            assert [future.result(0) for future in futures] == [True] * 3 + list(range(100))

    asyncio.run(main())


def test_nothing_and_what_is_done_already_are_not_waited_for():
    async def main():
        future = Future()
        future.set_result(1)
        await wait_all([])
        await wait_all([future, future])

    asyncio.run(main())


def test_the_first_failure_is_raised_at_once_and_cancels_the_rest():
    async def main():
        failing, waiting = Future(), Future()
        task = asyncio.create_task(wait_all([waiting, failing]))
        await asyncio.sleep(0)
        await asyncio.to_thread(failing.set_exception, ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await task
        assert waiting.cancelled()

    asyncio.run(main())


def test_who_leaves_cancels_what_has_not_run():
    async def main():
        futures = [Future() for _ in range(3)]
        task = asyncio.create_task(wait_all(futures))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert all(future.cancelled() for future in futures)

    asyncio.run(main())


def test_a_future_that_another_cancelled_does_not_hang_it():
    async def main():
        futures = [Future(), Future()]
        task = asyncio.create_task(wait_all(futures))
        await asyncio.sleep(0)
        futures[0].cancel()
        with pytest.raises((CancelledError, asyncio.CancelledError)):
            await task
        assert futures[1].cancelled()

    asyncio.run(main())


def test_a_loop_that_is_gone_does_not_harm_the_thread_that_computed():
    future = Future()

    async def leave():
        task = asyncio.create_task(wait_all([future]))
        await asyncio.sleep(0)
        future.set_running_or_notify_cancel()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(leave())
    future.set_result(1)
