"""A name that stands for several services: each is asked, and a new one as soon as it is known."""

import asyncio
import socket
import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from sentire.gateway.addresses import Addresses
from sentire.gateway.app import create_app
from sentire.gateway.remote import RemoteModels
from sentire.service.app import create_app as create_service
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running

SETTINGS = Settings(server=ServerSettings(access_log=False), reload_s=0.1)
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


def resolver(hosts):
    """What the system says of a name at the moment; no hosts are a name that is not found."""
    kinds = {True: socket.AF_INET6, False: socket.AF_INET}

    def lookup(_name, port, **_options):
        if not hosts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(kinds[":" in host], None, None, "", (host, port)) for host in hosts]

    return lookup


@pytest.mark.parametrize(
    ("url", "hosts", "asked"),
    [
        pytest.param(
            "http://model:5000",
            ["10.0.0.2", "10.0.0.1"],
            {"http://10.0.0.1:5000": "model:5000", "http://10.0.0.2:5000": "model:5000"},
            id="two replicas",
        ),
        pytest.param(
            "http://model/path",
            ["fd00::1", "fd00::2"],
            {"http://[fd00::1]:80/path": "model", "http://[fd00::2]:80/path": "model"},
            id="IPv6",
        ),
        pytest.param(
            "http://model:5000", ["fd00::1", "10.0.0.1"], {"http://model:5000": None}, id="one"
        ),
        pytest.param(
            "https://model:5000", ["10.0.0.1", "10.0.0.2"], {"https://model:5000": None}, id="TLS"
        ),
        pytest.param("http://model:5000", [], {"http://model:5000": None}, id="unknown"),
    ],
)
def test_each_address_of_a_name_is_asked_by_its_name(url, hosts, asked):
    assert Addresses([url], lookup=resolver(hosts)).resolve() == asked


def test_the_system_is_asked():
    assert Addresses(["http://localhost:5000"]).resolve() == {"http://localhost:5000": None}
    assert Addresses(["http://127.0.0.1:5000"]).resolve() == {"http://127.0.0.1:5000": None}


def test_a_name_that_is_not_found_for_a_while_keeps_its_addresses():
    known = []
    addresses = Addresses(["http://model:5000"], lookup=resolver(known))
    known += ["10.0.0.1", "10.0.0.2"]
    both = addresses.resolve()
    known.clear()
    assert addresses.resolve() == both
    known += ["10.0.0.2", "10.0.0.3"]
    assert list(addresses.resolve()) == ["http://10.0.0.2:5000", "http://10.0.0.3:5000"]


def test_a_resolver_that_hangs_keeps_nobody_waiting_and_its_late_answer_counts():
    let_go = threading.Event()

    def lookup(name, port, **_options):
        if name == "slow":
            assert let_go.wait(60)
        return [(socket.AF_INET, None, None, "", (host, port)) for host in ("10.0.0.1", "10.0.0.2")]

    addresses = Addresses(["http://slow:1", "http://slow:2", "http://quick:3"], lookup=lookup)
    began = time.monotonic()
    quick = {"http://10.0.0.1:3": "quick:3", "http://10.0.0.2:3": "quick:3"}
    assert addresses.resolve() == {"http://slow:1": None, "http://slow:2": None, **quick}
    assert time.monotonic() - began < 3
    let_go.set()
    assert len(addresses.resolve()) == 6


def test_a_name_that_no_resolver_can_hold_is_asked_as_it_is():
    url = f"http://{'a' * 70}:5000"
    assert Addresses([url]).resolve() == {url: None}


class Counted:
    """A model service that counts its requests, and by which names it was asked."""

    def __init__(self, models):
        self._app = create_service(models, SETTINGS)
        self.n, self.names = 0, set()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/predict":
            self.n += 1
            self.names.add(dict(scope["headers"])[b"host"].decode())
        await self._app(scope, receive, send)


def test_a_new_replica_gets_its_part_of_a_load_on_open_connections(tiny_models):
    known = list(HOSTS[:2])
    services = [Counted(tiny_models) for _ in HOSTS]
    with ExitStack() as stack:
        first = stack.enter_context(running(services[0], SETTINGS))
        port = int(first.rpartition(":")[2])
        for service, host in zip(services[1:], HOSTS[1:], strict=True):
            stack.enter_context(running(service, SETTINGS, host=host, port=port))
        models = stack.enter_context(
            RemoteModels(
                [f"http://model.test:{port}"],
                lookup=resolver(known),
            )
        )
        url = stack.enter_context(running(create_app(models, SETTINGS), SETTINGS))

        async def ask(client, caller):
            for number in range(40):
                text = f"text {caller} {number}"
                answer = await client.post("/analyze", json={"text": text})
                assert (answer.status_code, answer.json()["text"]) == (200, text)

        async def load(client):
            before = [service.n for service in services]
            await asyncio.gather(*(ask(client, caller) for caller in range(8)))
            return [service.n - n for service, n in zip(services, before, strict=True)]

        async def scale():
            limits = httpx.Limits(max_connections=8)
            async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as client:
                two = await load(client)
                known.append(HOSTS[2])
                await asyncio.sleep(5 * SETTINGS.reload_s)
                three = await load(client)
                del known[0]
                await asyncio.sleep(5 * SETTINGS.reload_s)
                return two, three, await load(client)

        two, three, less = asyncio.run(scale())
    assert [sum(counts) for counts in (two, three, less)] == [320, 320, 320]
    assert min(two[:2]) > 100
    assert two[2] == 0
    assert min(three) > 60, "the new one has its part"
    assert less[0] == 0, "nothing goes to one that is gone"
    assert {name for service in services for name in service.names} == {f"model.test:{port}"}
