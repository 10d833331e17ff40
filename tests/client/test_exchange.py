"""The steps of a request, with a clock that the test moves."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.client.exchange import ConnectionLost, Exchange, Reply, RetryPolicy, Send, Sleep
from sentire.client.servers import OPENS_AFTER, Servers
from sentire.errors import (
    RequestRefused,
    SentireError,
    ServiceFailed,
    ServiceOverloaded,
    ServiceUnreachable,
    Unavailable,
)

GOOD = Reply(200, {}, b"answer")
BUSY = Reply(429, {"retry-after": "2"}, b'{"detail": "full"}')
NOT_READY = Reply(503, {"retry-after": "1"}, b'{"detail": "loading"}')
LOST = ConnectionLost("is not reached")


class World:
    """Servers that answer as the test says, and time that passes only in sleeps and sends."""

    def __init__(self, urls, answers, *, retry=None, send_s=0.0):
        self.now, self.sent, self.slept, self.answers = 0.0, [], [], answers
        self.send_s = send_s
        self.servers = Servers(urls, clock=lambda: self.now)
        self.exchange = Exchange(
            self.servers,
            retry or RetryPolicy(),
            clock=lambda: self.now,
            uniform=lambda low, high: high,
        )

    def ask(self):
        steps = self.exchange.steps("/predict", b"body")
        outcome = None
        try:
            while True:
                step = steps.send(outcome)
                outcome = self.carry_out(step)
        except StopIteration as done:
            return done.value
        finally:
            steps.close()

    def carry_out(self, step):
        if isinstance(step, Sleep):
            assert step.seconds > 0
            self.slept.append(step.seconds)
            self.now += step.seconds
            return None
        self.sent.append(step)
        self.now += min(self.send_s, step.timeout_s)
        host = step.url.removesuffix("/predict").removesuffix("/health/ready")
        answer = self.answers(host, self) if callable(self.answers) else self.answers[host]
        return answer.pop(0) if isinstance(answer, list) else answer

    def hosts(self):
        return [step.url.split("/")[0] for step in self.sent]


def test_an_answer_comes_with_the_address_that_gave_it():
    world = World(["a"], {"a": GOOD})
    assert world.ask() == ("a", b"answer")
    assert world.sent == [Send("a/predict", b"body", 30.0)]


def test_a_refusal_for_now_is_asked_again_no_sooner_than_the_server_says():
    world = World(["a"], {"a": [BUSY, GOOD]})
    assert world.ask() == ("a", b"answer")
    assert world.slept == [2.0 * 1.25]


def test_retry_after_may_be_a_date():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)
    world = World(["a"], {"a": [Reply(503, {"retry-after": date}, b""), GOOD]})
    world.ask()
    assert 3 < world.slept[0] <= 5 * 1.25


def test_another_server_is_asked_at_once():
    world = World(["a", "b"], {"a": BUSY, "b": GOOD})
    for _ in range(5):
        assert world.ask() == ("b", b"answer")
    assert world.slept == []
    assert world.hosts().count("a") == 1, "the others know that it is busy"


def test_waits_grow_and_end_with_the_tries():
    world = World(["a"], {"a": LOST}, retry=RetryPolicy(tries=4))
    with pytest.raises(ServiceUnreachable, match="a is not reached"):
        world.ask()
    paths = [step.url for step in world.sent]
    assert paths == ["a/predict"] * OPENS_AFTER + ["a/health/ready"]
    assert world.slept == [pytest.approx(seconds) for seconds in (0.1, 0.2, 0.5)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(BUSY, ServiceOverloaded, id="overloaded"),
        pytest.param(NOT_READY, ServiceUnreachable, id="not ready"),
        pytest.param(LOST, ServiceUnreachable, id="lost"),
        pytest.param(Reply(502, {}, b""), ServiceUnreachable, id="a proxy in front of nothing"),
    ],
)
def test_no_patience_is_one_try_and_no_wait(answer, error):
    world = World(["a"], {"a": answer}, retry=RetryPolicy(tries=1))
    with pytest.raises(error):
        world.ask()
    assert (len(world.sent), world.slept) == (1, [])


def test_a_wait_that_is_longer_than_the_patience_is_not_begun():
    world = World(["a"], {"a": BUSY}, retry=RetryPolicy(longest_wait_s=1))
    with pytest.raises(ServiceOverloaded) as raised:
        world.ask()
    assert (world.slept, raised.value.retry_after_s) == ([], 2.0)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        pytest.param(
            Reply(422, {}, b'{"code": "invalid_request", "detail": "no."}'),
            RequestRefused,
            "no.",
            id="refused",
        ),
        pytest.param(
            Reply(500, {}, b'{"detail": "see the log"}'), ServiceFailed, "see the log", id="failed"
        ),
        pytest.param(Reply(404, {}, b"<html>"), ServiceFailed, "404", id="not one of ours"),
        pytest.param(Reply(302, {}, b"\xff"), ServiceFailed, "302", id="sent elsewhere"),
    ],
)
def test_what_another_try_would_not_change_is_not_tried_again(answer, error, said):
    world = World(["a", "b"], {"a": answer, "b": answer})
    with pytest.raises(error, match=said):
        world.ask()
    assert len(world.sent) == 1


def test_one_slow_server_is_given_up_only_where_there_is_another():
    retry = RetryPolicy(timeout_s=30, one_try_s=4)
    world = World(["a", "b"], {"a": LOST, "b": GOOD}, retry=retry)
    world.ask()
    assert [step.timeout_s for step in world.sent] == [4, 30]


def test_the_time_of_a_request_is_bounded_whatever_comes():
    world = World(["a"], {"a": LOST}, retry=RetryPolicy(timeout_s=3, tries=99), send_s=1.0)
    with pytest.raises(ServiceUnreachable):
        world.ask()
    assert world.now <= 3.0 + 1e-9
    assert all(step.timeout_s <= 3 for step in world.sent)


def test_an_open_circuit_is_asked_for_its_health_by_one_request_before_it_gets_texts():
    world = World(["a", "b"], {"a": LOST, "b": GOOD}, retry=RetryPolicy(first_wait_s=0))
    for _ in range(20):
        world.ask()
        world.now += 2.0  # trouble is forgotten after a second, failures in a row are not
    sent = [step.url for step in world.sent if step.url.startswith("a")]
    assert sent[:OPENS_AFTER] == ["a/predict"] * OPENS_AFTER
    checks = sent[OPENS_AFTER:]
    assert checks == ["a/health/ready"] * len(checks)
    assert 1 <= len(checks) < 10, "each time it waits twice as long"
    world.answers["a"] = GOOD
    world.now += 60
    before = len(world.sent)
    for _ in range(4):
        world.ask()
    back = [step.url for step in world.sent[before:] if step.url.startswith("a")]
    assert back[:2] == ["a/health/ready", "a/predict"]
    assert "a/health/ready" not in back[1:]


def test_failures_of_requests_that_ran_at_once_count_once():
    now = [0.0]
    servers = Servers(["a"], clock=lambda: now[0])
    together = [servers.acquire({}) for _ in range(50)]
    now[0] = 1.0
    for lease in together:
        servers.record_failure(lease, "is not reached")
        servers.release(lease)
    assert not servers.acquire({}).probe


def test_while_one_request_looks_after_a_server_the_others_keep_away():
    now = [0.0]
    servers = Servers(["a", "b"], clock=lambda: now[0])
    for _ in range(OPENS_AFTER):
        lease = servers.acquire({"b": 99.0})
        servers.record_failure(lease, "is not reached")
        servers.release(lease)
        now[0] += 1.0
    prober = servers.acquire({"b": 99.0})
    assert prober.probe
    assert {servers.acquire({}).server.url for _ in range(10)} == {"b"}
    servers.release(prober)  # it was cancelled before it found out
    assert servers.acquire({"b": 99.0}).probe


def test_requests_are_spread_by_what_is_under_way():
    servers = Servers(["a", "b", "c"], clock=lambda: 0.0)
    leases = [servers.acquire({}) for _ in range(9)]
    urls = [each.server.url for each in leases]
    assert {url: urls.count(url) for url in "abc"} == dict.fromkeys("abc", 3)
    for each in leases:
        if each.server.url == "b":
            servers.release(each)
    assert [servers.acquire({}).server.url for _ in range(3)] == ["b"] * 3


ANSWERS = st.sampled_from([GOOD, BUSY, NOT_READY, LOST, Reply(500, {}, b""), Reply(502, {}, b"")])


@given(st.lists(ANSWERS, max_size=40), st.integers(1, 4), st.integers(1, 6), st.floats(0, 2))
def test_every_request_ends_in_time_with_an_answer_or_an_error_of_ours(
    answers, n_servers, tries, send_s
):
    left = list(answers)
    world = World(
        [f"s{n}" for n in range(n_servers)],
        lambda host, _: left.pop(0) if left else GOOD,
        retry=RetryPolicy(timeout_s=5, tries=tries),
        send_s=send_s,
    )
    for _ in range(3):
        began, n_sent = world.now, len(world.sent)
        try:
            assert world.ask()[1] == b"answer"
        except (Unavailable, ServiceFailed) as error:
            assert isinstance(error, SentireError)  # noqa: PT017 - both ends are right
        texts = [step for step in world.sent[n_sent:] if step.body is not None]
        assert len(texts) <= tries
        assert world.now - began <= 5 + 1e-6
        assert all(server.in_flight == 0 for server in world.servers._servers)


def test_reasons_name_every_server():
    world = World(["a", "b"], {"a": LOST, "b": NOT_READY}, retry=RetryPolicy(longest_wait_s=0))
    with pytest.raises(ServiceUnreachable) as raised:
        world.ask()
    assert json.dumps(raised.value.reasons) == json.dumps(
        ["a is not reached", "b refuses for now: loading"]
    )
