import logging
import threading

import numpy as np
import pytest

from sentire.backends.fake import FakeBackend
from sentire.errors import BackendError, Closed, Overloaded
from sentire.inference.batching import Batching, pad
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.types import Window


def window(*ids):
    return Window(np.array(ids, np.int32), len(ids))


def submit(scheduler, *windows):
    """Queue one text of these windows."""
    return scheduler.submit([windows])[0]


class Gate(FakeBackend):
    """The fake backend, held until the test lets it run."""

    def __init__(self, error=None):
        super().__init__({"logits": 3})
        self.entered = threading.Event()
        self.open = threading.Event()
        self.error = error
        self.rows = []

    def run(self, batch):
        self.entered.set()
        assert self.open.wait(30)
        self.rows.append(len(batch.input_ids))
        if self.error:
            raise self.error
        return super().run(batch)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def scheduler(gate):
    made = Scheduler(gate, pad_id=1, scheduling=Scheduling(max_waiting=4))
    yield made
    gate.open.set()
    made.close()


def expected(*windows):
    fake = FakeBackend({"logits": 3})
    return np.concatenate([fake.run(pad([w.ids], pad_id=1))["logits"] for w in windows])


def test_each_text_gets_its_own_rows_in_its_order(scheduler, gate):
    gate.open.set()
    texts = [[window(0, n, 2), window(0, n, n, 2)] for n in range(5, 60)]
    futures = scheduler.submit(texts, wait=True)
    for text, future in zip(texts, futures, strict=True):
        np.testing.assert_array_equal(future.result(30)["logits"], expected(*text))


def test_what_waits_while_a_batch_runs_goes_together(scheduler, gate):
    first = submit(scheduler, window(0, 9, 2))
    assert gate.entered.wait(30)
    rest = [submit(scheduler, window(0, n, 2)) for n in range(4)]
    gate.open.set()
    for future in [first, *rest]:
        future.result(30)
    assert gate.rows == [1, 4]


def test_a_full_queue_refuses_at_once_and_says_its_numbers(scheduler, gate):
    submit(scheduler, window(0, 9, 2))
    assert gate.entered.wait(30)
    for n in range(4):
        submit(scheduler, window(0, n, 2))
    with pytest.raises(Overloaded) as refused:
        submit(scheduler, window(0, 8, 2))
    assert (refused.value.waiting, refused.value.limit) == (4, 4)


def test_a_text_of_more_windows_than_the_queue_holds_runs_when_it_is_empty(scheduler, gate):
    gate.open.set()
    windows = [window(0, n, 2) for n in range(9)]
    logits = submit(scheduler, *windows).result(30)["logits"]
    np.testing.assert_array_equal(logits, expected(*windows))


def test_texts_of_one_request_are_taken_all_or_none(scheduler, gate):
    submit(scheduler, window(0, 9, 2))
    assert gate.entered.wait(30)
    submit(scheduler, window(0, 8, 2), window(0, 7, 2))
    with pytest.raises(Overloaded):
        scheduler.submit([[window(0, n, 2)] for n in range(3)])
    gate.open.set()
    assert len(scheduler.submit([[window(0, n, 2)] for n in range(3)], wait=True)) == 3


def test_a_cancelled_text_costs_no_inference(scheduler, gate):
    first = submit(scheduler, window(0, 9, 2))
    assert gate.entered.wait(30)
    left = submit(scheduler, window(0, 4, 2))
    kept = submit(scheduler, window(0, 5, 2))
    assert left.cancel()
    gate.open.set()
    first.result(30)
    kept.result(30)
    assert gate.rows == [1, 1]


def test_a_batch_that_fails_fails_its_texts_and_the_worker_goes_on():
    gate = Gate(error=BackendError("no"))
    gate.open.set()
    scheduler = Scheduler(gate, pad_id=1)
    failed = submit(scheduler, window(0, 5, 2))
    with pytest.raises(BackendError):
        failed.result(30)
    gate.error = None
    assert submit(scheduler, window(0, 5, 2)).result(30)
    assert scheduler.ready
    scheduler.close()


class Giving(FakeBackend):
    """The fake backend, whose logits a function changes."""

    def __init__(self, change):
        super().__init__({"logits": 3})
        self.change = change

    def run(self, batch):
        return self.change(super().run(batch))


class Ids:
    """Token ids whose number is told once rightly; who asks again gets ``then``."""

    def __init__(self, then):
        self.then, self.n_asked = then, 0

    def __len__(self):
        self.n_asked += 1
        if self.n_asked == 1:
            return 3
        if isinstance(self.then, BaseException):
            raise self.then
        return self.then


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda logits: {"logits": logits["logits"][:-1]}, BackendError, id="too few"),
        pytest.param(
            lambda logits: {"logits": np.repeat(logits["logits"], 2, 0)},
            BackendError,
            id="too many",
        ),
        pytest.param(lambda logits: {"logits": logits["logits"].sum()}, TypeError, id="no rows"),
        pytest.param(lambda logits: None, AttributeError, id="nothing"),
    ],
)
def test_an_engine_that_gives_other_rows_than_asked_fails_the_batch_alone(change, error):
    backend = Giving(change)
    scheduler = Scheduler(backend, pad_id=1)
    with pytest.raises(error):
        submit(scheduler, window(0, 5, 2)).result(30)
    assert scheduler.ready
    backend.change = lambda logits: logits
    assert submit(scheduler, window(0, 5, 2)).result(30)
    scheduler.close()


def test_memory_that_is_used_up_while_padding_fails_the_batch_alone():
    scheduler = Scheduler(FakeBackend({"logits": 3}), pad_id=1)
    with pytest.raises(MemoryError):
        submit(scheduler, Window(Ids(then=2**50), 3)).result(30)
    assert scheduler.ready
    assert submit(scheduler, window(0, 5, 2)).result(30)
    scheduler.close()


def test_a_worker_that_dies_outside_of_the_engine_answers_everyone_too(scheduler, gate):
    first = submit(scheduler, window(0, 9, 2))
    assert gate.entered.wait(30)
    deadly = submit(scheduler, Window(Ids(then=SystemExit()), 3))
    waiting = submit(scheduler, window(*range(90)))
    gate.open.set()
    assert first.result(30)
    for future in (deadly, waiting):
        with pytest.raises(Closed, match="worker ended: SystemExit"):
            future.result(30)
    assert not scheduler.ready


class Told:
    """An observer that keeps what it was told, and then fails where it should."""

    def __init__(self, *, error=None):
        self.runs, self.error = [], error

    def batch_ran(self, stats):
        self.runs.append(stats)
        if self.error:
            raise self.error

    def answered(self, answers):
        raise AssertionError


def test_an_observer_that_fails_harms_neither_the_model_nor_the_next_observer(caplog):
    failing, listening = Told(error=RuntimeError("a secret text")), Told()
    scheduler = Scheduler(FakeBackend({"logits": 3}), pad_id=1)
    scheduler.observers.add(failing)
    scheduler.observers.add(listening)
    with caplog.at_level(logging.INFO, "sentire"):
        for n in range(3):
            assert submit(scheduler, window(0, n, 2)).result(30)
        scheduler.close()
    assert scheduler._death is None
    assert len(failing.runs) == len(listening.runs) == 3
    [said] = caplog.messages
    assert "observer Told failed: RuntimeError at " in said
    assert "secret" not in caplog.text


def test_a_worker_that_dies_answers_everyone_and_is_no_longer_ready():
    gate = Gate(error=SystemExit())
    scheduler = Scheduler(gate, pad_id=1, scheduling=Scheduling(batching=Batching(max_rows=1)))
    running = submit(scheduler, window(0, 5, 2))
    assert gate.entered.wait(30)
    waiting = submit(scheduler, window(0, 6, 2))
    gate.open.set()
    for future in (running, waiting):
        with pytest.raises(Closed, match="worker ended: SystemExit"):
            future.result(30)
    assert not scheduler.ready
    with pytest.raises(Closed):
        submit(scheduler, window(0, 7, 2))
    scheduler.close()


def test_close_answers_what_waits_then_closes_the_backend(gate):
    scheduler = Scheduler(gate, pad_id=1)
    futures = [submit(scheduler, window(0, n, 2)) for n in range(20)]
    gate.open.set()
    scheduler.close()
    assert all(future.done() for future in futures)
    assert gate.closed
    with pytest.raises(Closed):
        submit(scheduler, window(0, 5, 2))


def test_a_client_that_fills_the_queue_leaves_room_and_turns_to_another(scheduler, gate):
    submit(scheduler, window(0, 9, 2))
    assert gate.entered.wait(30)
    flood = [window(0, n, 2) for n in range(4)]
    waiting = scheduler.submit([[one] for one in flood], client="flood")
    with pytest.raises(Overloaded):
        scheduler.check_admission(1, client="flood")
    with pytest.raises(Overloaded):
        scheduler.submit([[window(0, 8, 2)]], client="flood")
    calm = window(*range(60))
    scheduler.check_admission(2, client="calm")
    [answer] = scheduler.submit([[calm]], client="calm")
    gate.open.set()
    np.testing.assert_array_equal(answer.result(30)["logits"], expected(calm))
    for one, future in zip(flood, waiting, strict=True):
        np.testing.assert_array_equal(future.result(30)["logits"], expected(one))
    scheduler.check_admission(4, client="flood")
