"""Connections of clients that are slow, greedy or gone."""

import socket
import time
from contextlib import suppress

import httpx
import pytest

from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.connection import MAX_HEAD_BYTES
from sentire.web.settings import Limits, ServerSettings
from servers import running

SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(head_s=0.5, request_s=1.0, text_characters=100_000),
)
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS), SETTINGS) as url:
        yield url


@pytest.fixture
def line(url):
    at = httpx.URL(url)
    with socket.create_connection((at.host, at.port), timeout=20) as line:
        yield line


def read_all(line):
    received = b""
    try:
        while piece := line.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize(
    "sent", [b"POST /predict HT", HEAD, HEAD + b"X-Slow: "], ids=["line", "head", "in"]
)
def test_a_head_that_does_not_arrive_is_answered_in_time(line, sent):
    line.sendall(sent)
    began = time.monotonic()
    assert read_all(line).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 10


def test_a_connection_that_says_nothing_is_closed_without_an_answer(line):
    """An answer could meet a request on its way, and be taken for that request's own."""
    began = time.monotonic()
    assert read_all(line) == b""
    assert time.monotonic() - began < 10


def test_a_head_that_drips_is_ended_as_well(line):
    line.sendall(HEAD)
    answer, began = b"", time.monotonic()
    line.settimeout(0.05)
    while not answer and time.monotonic() - began < 10:
        try:
            line.sendall(b"X-A: b\r\n")
            answer = line.recv(4096)
        except TimeoutError:
            continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_head_without_end_is_ended_at_its_limit(line):
    line.sendall(HEAD)
    n_sent = 0
    try:
        while n_sent < 100 * MAX_HEAD_BYTES:
            n_sent += line.send(b"X-Fill: " + b"x" * 4000 + b"\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert n_sent < 100 * MAX_HEAD_BYTES


def test_many_requests_on_one_connection_each_get_their_answer(line):
    for n in range(20):
        body = b'{"text": "number %d"}' % n
        line.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        received = b""
        while not received.endswith(b"}"):  # the head may come before the body
            received += line.recv(65536)
        assert b'"text":"number %d"' % n in received
    time.sleep(0.6)
    line.sendall(LIVE)
    assert line.recv(4096).startswith(b"HTTP/1.1 200"), "an idle connection has no head to wait for"


def test_requests_sent_ahead_are_answered_in_their_order(line):
    bodies = [b'{"text": "number %d"}' % n for n in range(10)]
    line.sendall(b"".join(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(b), b) for b in bodies))
    received = b""
    while received.count(b'"text":"number') < 10:
        received += line.recv(65536)
    places = [received.index(b'"text":"number %d"' % n) for n in range(10)]
    assert places == sorted(places)


def test_a_large_body_before_a_slow_head_is_answered(line):
    body = b'{"text": "%s"}' % (b"good " * 15_000)
    line.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body) + HEAD)
    received = read_all(line)
    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"HTTP/1.1 ") == 1 + received.count(b"HTTP/1.1 408 ")


def test_an_answer_that_nobody_reads_is_given_up(url):
    at = httpx.URL(url)
    too_large = b'"%s"' % (b"x" * 100_001)  # comes back as it is, with an error beside it
    body = b'{"texts": [%s]}' % b",".join([too_large] * 80)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((at.host, at.port))
        line.settimeout(20)
        line.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        time.sleep(2.5)  # the answer, and then the second in which it should be read
        assert 0 < len(read_all(line)) < len(body)
    assert httpx.get(f"{url}/health/ready").status_code == 200


def test_a_caller_who_sends_no_more_is_gone_and_harms_nobody(url, line):
    body = b'{"text": "half closed"}'
    line.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    line.shutdown(socket.SHUT_WR)
    assert read_all(line).count(b"HTTP/1.1 ") <= 1
    assert httpx.get(f"{url}/health/ready").status_code == 200


def test_hundreds_of_slow_clients_hold_up_nobody(url):
    """Heads and bodies that drip, bodies that stop, connections that say nothing."""
    at = httpx.URL(url)
    half = HEAD + b'Content-Length: 99\r\n\r\n{"te'
    lines = [socket.create_connection((at.host, at.port), timeout=20) for _ in range(300)]
    try:
        for number, line in enumerate(lines):
            line.sendall((b"", HEAD, half)[number % 3])
        spent = []
        with httpx.Client(base_url=url, timeout=20) as client:
            for number in range(30):
                asked = time.monotonic()
                answer = client.post("/predict", json={"text": "quick"})
                assert (answer.status_code, answer.json()["text"]) == (200, "quick")
                spent.append(time.monotonic() - asked)
                with suppress(ConnectionError):  # given up already
                    lines[3 * number + 1].sendall(b"X-Drip: a\r\n")
        assert sorted(spent)[len(spent) // 2] < 0.5
        assert not any(read_all(line) for line in lines[::3]), "nothing was asked"
        assert all(
            read_all(line).startswith(b"HTTP/1.1 408 ") for line in lines[1::3] + lines[2::3]
        )
    finally:
        for line in lines:
            line.close()
    assert httpx.get(f"{url}/health/ready").status_code == 200
