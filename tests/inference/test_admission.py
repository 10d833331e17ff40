from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.inference.admission import AdmissionControl, FairQueue
from sentire.inference.batching import Batching, LengthBuckets, padded_width


def filled(limit, **held):
    room = AdmissionControl(limit)
    for client, n in held.items():
        room.enter(n, client)
    return room


@pytest.mark.parametrize(
    ("held", "client", "n", "admitted"),
    [
        pytest.param({}, None, 99, True, id="more than all of it, when it is empty"),
        pytest.param({"a": 8}, "a", 1, False, id="one who has it all gets no more"),
        pytest.param({"a": 8}, None, 1, False, id="nobody in particular has no share"),
        pytest.param({"a": 8}, "b", 4, True, id="another has half of it"),
        pytest.param({"a": 8}, "b", 5, False, id="and no more than that"),
        pytest.param({"a": 8, "b": 2}, "b", 2, True, id="what it holds counts"),
        pytest.param({"a": 8, "b": 4}, "b", 1, False, id="its share is full"),
        pytest.param({"a": 8, "b": 4}, "a", 1, False, id="one above its share waits"),
        pytest.param({"a": 8, "b": 4}, "c", 2, True, id="a third has a third"),
        pytest.param({"a": 6, "b": 1}, "a", 1, True, id="what others leave may be used"),
    ],
)
def test_a_client_that_floods_leaves_the_others_their_share(held, client, n, admitted):
    assert filled(8, **held).admits(n, client) is admitted


def test_what_is_about_to_come_counts_as_there():
    room = filled(8, a=6)
    assert room.admits(2, "a")
    assert not room.admits(2, "a", coming={"a": 1})
    assert room.admits(4, "b", coming={"a": 2})
    assert not room.admits(4, "b", coming={"a": 2, "b": 1})
    assert not AdmissionControl(8).admits(9, "a", coming={"b": 1})


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12), st.booleans()), max_size=80))
def test_the_room_that_is_taken_has_a_bound(steps):
    limit, clients = 12, set()
    room, held = AdmissionControl(limit), Counter()
    for client, n, leaves in steps:
        if leaves and held[client]:
            room.leave(client)
            held[client] -= 1
        elif room.admits(n, client):
            room.enter(n, client)
            held[client] += n
        clients.add(client)
        assert room.n_held == held.total()
        assert room.n_held <= sum(limit / k for k in range(1, len(clients) + 1))


def test_one_client_s_work_is_served_as_it_came():
    queue = FairQueue()
    places = [queue.start_tag(cost) for cost in (5, 1, 9)]
    assert places == sorted(places)


def test_one_who_comes_seldom_is_served_next():
    queue = FairQueue()
    flood = [queue.start_tag(10, "flood") for _ in range(100)]
    queue.serve(flood[40])
    assert flood[40] <= queue.start_tag(10, "calm") < flood[42]
    queue.clear()
    assert queue.start_tag(10, "flood") == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 128)), max_size=120))
def test_clients_that_wait_get_equal_parts_whatever_they_bring(brought):
    buckets = LengthBuckets(Batching(max_rows=1))
    for client, n_tokens in brought:
        buckets.add((client, padded_width(n_tokens)), n_tokens, client)
    waiting = Counter(client for client, _ in brought)
    served = dict.fromkeys(waiting, 0)
    while batch := buckets.take():
        [(client, width)] = batch
        waiting[client] -= 1
        served[client] += width
        if all(waiting.values()):
            assert max(served.values()) - min(served.values()) <= 2 * 128
    assert not any(waiting.values())


def test_one_text_waits_for_one_batch_and_not_for_the_flood():
    buckets = LengthBuckets(Batching(max_rows=8))
    for n in range(1000):
        buckets.add(f"flood {n}", 16, "flood")
    buckets.take()
    buckets.add("calm", 100, "calm")
    assert "calm" in [*buckets.take(), *buckets.take()]
