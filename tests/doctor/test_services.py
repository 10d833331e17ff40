import socket
import threading
import time
from contextlib import ExitStack
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from sentire.doctor.findings import Machine
from sentire.doctor.services import look
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.settings import RemoteSettings
from sentire.web.server import url_of
from servers import running
from valkeyserver import free_port


def findings(*urls):
    return [f.status for f in look(Machine(Settings(remote=RemoteSettings(urls=urls))))]


def test_services_are_asked_for_their_health(tiny_models):
    with running(create_app(tiny_models, Settings())) as url:
        assert findings(url, f"http://127.0.0.1:{free_port()}") == ["fine", "broken"]
    assert findings(url) == ["broken"]


def test_something_else_that_answers_is_no_service(tmp_path):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Quiet) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        [finding] = look(
            Machine(
                Settings(remote=RemoteSettings(urls=(f"http://127.0.0.1:{other.server_port}",)))
            )
        )
        other.shutdown()
        thread.join()
    assert finding.status == "broken"
    assert finding.details["http"] == 404


@pytest.mark.parametrize("url", ["model:5000", "http://", "http://no such host"])
def test_what_is_no_address_is_broken(url):
    assert findings(url) == ["broken"]


def test_no_services_are_nothing_to_say():
    [finding] = look(Machine())
    assert finding.status == "skipped"


def test_services_that_hang_are_asked_together():
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
        began = time.monotonic()
        assert findings(*map(url_of, silent)) == ["broken"] * 5
        assert time.monotonic() - began < 7, "one after the other would be fifteen seconds"
