"""The shared cache on a real Valkey server."""

import asyncio
import socket
import time

import pytest

from sentire.errors import OptionError
from sentire.inference.redis_store import RedisStore
from valkeyserver import free_port, valkey


@pytest.fixture(scope="module")
def url():
    with valkey(free_port()) as url:
        yield url


def store_at(url, *, timeout_s=1.0, retry_s=0.01):
    return RedisStore(url, timeout_s=timeout_s, retry_s=retry_s, keep_s=60)


async def until_kept(store, key, value):
    async with asyncio.timeout(30):
        while await store.get_many([key]) != [value]:
            store.put_many([(key, value)])


def test_one_process_reads_what_another_wrote(url):
    async def main():
        writer, reader = store_at(url), store_at(url)
        writer.put_many([(b"a", b"1"), (b"\x00\xff", b"\x00")])
        async with asyncio.timeout(30):
            while await reader.get_many([b"a", b"none", b"\x00\xff"]) != [b"1", None, b"\x00"]:
                pass
        assert await reader.get_many([]) == []
        await writer.close()
        await reader.close()

    asyncio.run(main())


def test_values_are_not_kept_for_ever(url):
    async def main():
        store = store_at(url)
        await until_kept(store, b"ttl", b"1")
        seconds = await store._client.ttl(b"sentire:ttl")
        await store.close()
        return seconds

    assert 0 < asyncio.run(main()) <= 60


def test_a_server_that_is_killed_costs_a_miss_and_is_found_again(caplog):
    port = free_port()

    async def main():
        store = store_at(f"redis://127.0.0.1:{port}")
        with valkey(port):
            await until_kept(store, b"a", b"1")
        assert await store.get_many([b"a"]) == [None]
        assert store.away
        began = time.perf_counter()
        for _ in range(1000):
            assert await store.get_many([b"a", b"b"]) == [None, None]
            store.put_many([(b"a", b"1")])
        assert time.perf_counter() - began < 1, "nobody waits for a server that is away"
        with valkey(port):
            async with asyncio.timeout(30):
                while store.away:
                    await asyncio.sleep(0.01)
            await until_kept(store, b"a", b"2")
            await store.close()

    with caplog.at_level("INFO"):
        asyncio.run(main())
    said = [record.getMessage() for record in caplog.records if record.name == "sentire.cache"]
    assert len(said) == 2
    assert "does not answer" in said[0]
    assert "is back" in said[1]


def test_a_server_that_hangs_costs_one_time_out():
    async def main():
        with socket.socket() as silent:  # takes connections and never answers
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
            store = store_at(url, timeout_s=0.05, retry_s=60)
            began = time.perf_counter()
            asks = (store.get_many([b"a"]) for _ in range(50))
            assert await asyncio.gather(*asks) == [[None]] * 50
            for _ in range(50):
                assert await store.get_many([b"a"]) == [None]
            spent = time.perf_counter() - began
            await store.close()
        return spent

    assert asyncio.run(main()) < 1


def test_one_who_leaves_while_the_server_is_asked_harms_nobody(url):
    async def main():
        store = store_at(url)
        await until_kept(store, b"a", b"1")
        for _ in range(50):
            asks = [asyncio.create_task(store.get_many([b"a"])) for _ in range(4)]
            await asyncio.sleep(0)
            asks[1].cancel()
            asks[3].cancel()
            assert await asks[0] == await asks[2] == [b"1"]
            await asyncio.wait(asks)
        assert not store.away
        await store.close()

    asyncio.run(main())


def test_a_url_that_is_none_is_refused_without_being_shown():
    with pytest.raises(OptionError, match=r"cache\.url is no URL") as refused:
        store_at("http://user:secret@host")
    assert "secret" not in str(refused.value)
