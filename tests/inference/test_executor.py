import asyncio
import threading

import pytest

from sentire.errors import Closed
from sentire.inference.executor import TextExecutor


def test_one_client_s_work_waits_for_one_piece_of_another_s():
    executor, done, hold = TextExecutor(), [], threading.Event()

    async def main():
        first = asyncio.create_task(executor.run(hold.wait, 30, client="flood"))
        flood = [
            asyncio.create_task(executor.run(done.append, n, client="flood")) for n in range(50)
        ]
        calm = asyncio.create_task(executor.run(done.append, "calm", client="calm"))
        await asyncio.sleep(0)
        hold.set()
        await asyncio.gather(first, calm, *flood)

    asyncio.run(main())
    executor.close()
    assert done.index("calm") <= 1
    assert [n for n in done if n != "calm"] == list(range(50))


def test_without_clients_work_is_done_as_it_came():
    executor, done = TextExecutor(), []

    async def main():
        await asyncio.gather(*(executor.run(done.append, n) for n in range(50)))

    asyncio.run(main())
    executor.close()
    assert done == list(range(50))


def test_one_who_leaves_gives_his_turn_on():
    executor, done, hold = TextExecutor(), [], threading.Event()

    async def main():
        first = asyncio.create_task(executor.run(hold.wait, 30, client="a"))
        waiting = [asyncio.create_task(executor.run(done.append, n, client="a")) for n in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        hold.set()
        await asyncio.gather(first, *waiting[1:])

    for _ in range(2):  # also on another loop
        asyncio.run(main())
    executor.close()
    assert done == [1, 2, 1, 2]


@pytest.mark.parametrize("client", [None, "a"])
def test_after_the_end_nothing_is_taken(client):
    executor = TextExecutor()
    executor.close()
    with pytest.raises(Closed):
        asyncio.run(executor.run(print, client=client))
