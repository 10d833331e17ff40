"""Proxies: past them to this machine, through them to others, and named where that fails."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from behindproxy import behind_proxy, proxy_named
from both import Both
from sentire.client import Client, RetryPolicy
from sentire.client.servers import Servers
from sentire.errors import OptionError, ServiceFailed, ServiceUnreachable
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running

SETTINGS = Settings(server=ServerSettings(access_log=False))
ONCE = RetryPolicy(tries=1)


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@contextmanager
def proxy(status):
    """A proxy that answers all by itself; gives its address and the URLs that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_is_asked_past_every_proxy(url, host):
    with behind_proxy():
        assert Both(url.replace("127.0.0.1", host)).analyze("good").text == "good"
    for unusable in ("socks://127.0.0.1:1", "socks5://127.0.0.1:1"):
        with proxy_named(ALL_PROXY=unusable):
            assert Both(url.replace("127.0.0.1", host)).analyze("good").text == "good"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6 here")
def test_so_is_one_at_ipv6(tiny_models):
    with running(create_app(tiny_models, SETTINGS), host="::1") as url, behind_proxy():
        assert "[::1]" in url
        assert Both(url).analyze("good").text == "good"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(502, ServiceUnreachable, id="the proxy does not reach it"),
        pytest.param(503, ServiceUnreachable, id="the proxy has no time"),
        pytest.param(403, ServiceFailed, id="the proxy forbids it"),
    ],
)
def test_other_servers_are_asked_through_it_and_what_fails_names_it(status, error):
    with proxy(status) as (address, asked), proxy_named(HTTP_PROXY=f"http://me:secret@{address}"):
        named = rf"http://model\.test:5000 \(by way of the proxy http://{address}\)"
        with pytest.raises(error, match=named) as raised:
            Both("http://model.test:5000", retry=ONCE).analyze("good")
    assert set(asked) == {"http://model.test:5000/predict"}
    assert "secret" not in str(raised.value)


def test_a_proxy_that_is_away_is_named():
    with behind_proxy() as address, pytest.raises(ServiceUnreachable, match=address):
        Both("http://192.0.2.1:5000", retry=ONCE).analyze("good")


def test_servers_here_and_elsewhere_go_each_its_way(url):
    with (
        proxy(502) as (address, asked),
        proxy_named(HTTP_PROXY=f"http://{address}"),
        Client([url, "http://model.test:5000"]) as client,
    ):
        texts = [f"text {n}" for n in range(20)]
        assert [client.analyze(text).text for text in texts] == texts
        assert [prediction.text for prediction in client.analyze_many(texts)] == texts
    assert set(asked) == {"http://model.test:5000/predict"}


def test_the_addresses_of_a_name_go_the_way_of_the_name_save_those_of_this_machine(url):
    with proxy_named(HTTP_PROXY="http://proxy:3128", NO_PROXY="near.test"):
        for name, address, way in (
            ("far.test", "http://10.0.0.1", "http://proxy:3128"),
            ("near.test", "http://10.0.0.1", ""),
            ("far.test", "http://127.0.0.2", ""),
        ):
            servers = Servers([f"http://{name}"], clock=lambda: 0.0)
            servers.change({address: name})
            assert servers.acquire({}).server.proxy == way


def test_a_proxy_of_no_known_kind_is_said_at_once():
    with (
        proxy_named(HTTPS_PROXY="socks://127.0.0.1:1"),
        pytest.raises(OptionError, match="HTTPS_PROXY or ALL_PROXY names can't be used"),
    ):
        Client("https://model.test")
