"""One bounded queue in front of a model; its workers run what waits.

Reads:   windows of texts, from any thread
Gives:   a future for the windows of one text, in the caller's order
Never:   keeps a waiter without an answer: a batch that fails fails its texts, a worker that dies
         fails everyone and ``ready``, and a forked process, which has no workers, is told so
"""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from sentire.backends.base import Backend, Logits
from sentire.errors import BackendError, Closed, Overloaded
from sentire.inference.admission import NO_CLIENTS, AdmissionControl
from sentire.inference.batching import Batching, LengthBuckets, pad
from sentire.inference.forks import ThreadOwner
from sentire.inference.observers import BatchStats, Observers
from sentire.request_context import Client
from sentire.types import Window


class Scheduling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may wait, and how it is batched."""

    max_waiting: Annotated[int, Meta(ge=1)] = 4096
    """Windows in the queue; a request over it is refused, a file job waits. Where clients are told
    apart, each has a share of it that the others can't take."""
    batching: Batching = Batching()


class LogitsFuture(Future[Logits]):
    """The logits of one text, and where its time went."""

    queue_s = 0.0
    model_s = 0.0


class _Job:
    """The windows of one text and the future that their logits fill."""

    def __init__(self, n_windows: int, client: Client) -> None:
        self.future = LogitsFuture()
        self.client = client
        self.submitted = time.perf_counter()
        self.parts: list[Logits | None] = [None] * n_windows
        self.missing = n_windows


class _Entry(NamedTuple):
    job: _Job
    place: int
    window: Window


class Scheduler(ThreadOwner):
    """Runs windows on a backend, similar lengths together, oldest first.

    A lone window starts at once; batches grow by themselves when more comes in than runs. Clients
    that are told apart get equal parts of the queue and of the model's time.

    Parameters
    ----------
    backend : Backend
        Closed by :meth:`close`.
    pad_id : int
    scheduling : Scheduling, optional

    Attributes
    ----------
    observers : Observers
        Told of every run.
    """

    def __init__(
        self, backend: Backend, *, pad_id: int, scheduling: Scheduling | None = None
    ) -> None:
        super().__init__()
        self._backend = backend
        self._pad_id = pad_id
        self._scheduling = scheduling or Scheduling()
        self._waiting: LengthBuckets[_Entry] = LengthBuckets(
            self._scheduling.batching, n_runs=backend.n_streams
        )
        self._admission = AdmissionControl(self._scheduling.max_waiting)
        self._changed = threading.Condition()
        self.observers = Observers()
        self._closing = False
        self._death: BaseException | None = None
        self._workers: list[threading.Thread] = []
        try:
            for number in range(backend.n_streams):
                worker = threading.Thread(target=self._work, name=f"sentire-{number}", daemon=True)
                worker.start()
                self._workers.append(worker)
        except BaseException:  # those that were started would keep the model for ever
            self.close()
            raise

    @property
    def n_waiting(self) -> int:
        """Windows in the queue."""
        return len(self._waiting)

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""
        return not self._closing and self._death is None and not self.is_inherited

    def check_admission(
        self, n_windows: int, *, client: Client = None, coming: Mapping[Client, int] = NO_CLIENTS
    ) -> None:
        """Refuse at once what would be refused after it was tokenized.

        Parameters
        ----------
        n_windows : int
        client : hashable or None
            For whom they are.
        coming : client -> windows that will be submitted before these

        Raises
        ------
        Overloaded
            The queue has no room for so many windows.
        Closed
            The scheduler was closed, its worker died, or this process was forked from its own.
        """
        self.check_process()
        if not self.ready:
            raise Closed(self._why_closed())
        if not self._admission.admits(n_windows, client, coming=coming):
            raise Overloaded(self._admission.n_held, self._admission.limit)

    def submit(
        self, texts: Sequence[Sequence[Window]], *, wait: bool = False, client: Client = None
    ) -> list[LogitsFuture]:
        """Queue the windows of some texts: all of them, or none.

        Parameters
        ----------
        texts : the windows of each text, at least one
        wait : bool
            Wait for room in a full queue instead of refusing.
        client : hashable or None
            For whom they are.

        Returns
        -------
        For each text a future of output name -> float32 array of shape (n_windows, n_labels).
        Cancelling it takes the windows that have not run yet out at no cost.

        Raises
        ------
        Overloaded
            The queue is full. More windows than the queue ever holds run when it is empty.
        Closed
            The scheduler was closed, its worker died, or this process was forked from its own.
        """
        self.check_process()  # before the lock, which a thread that is not here may hold
        n_new = sum(map(len, texts))
        with self._changed:
            while self.ready and not self._admission.admits(n_new, client):
                if not wait:
                    raise Overloaded(self._admission.n_held, self._admission.limit)
                self._changed.wait()
            if not self.ready:
                raise Closed(self._why_closed())
            if n_new:
                self._admission.enter(n_new, client)
            jobs = [_Job(len(windows), client) for windows in texts]
            for job, windows in zip(jobs, texts, strict=True):
                for place, window in enumerate(windows):
                    self._waiting.add(_Entry(job, place, window), len(window.ids), client)
            self._changed.notify_all()
        return [job.future for job in jobs]

    def close(self) -> None:
        """Answer what waits, then stop the workers and close the backend.

        A forked process leaves both to the one that it was forked from.
        """
        if self.is_inherited:
            return
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()
        self._backend.close()

    def _work(self) -> None:
        held: list[_Entry] = []  # off the queue, and not answered yet
        try:
            while self._take(held):
                self._run(held)
                held.clear()
        except BaseException as error:  # whatever ends a worker must reach the waiters
            self._die(error, held)

    def _die(self, error: BaseException, held: list[_Entry]) -> None:
        """Be no longer ready, and then let everybody who waits know it."""
        with self._changed:
            self._death = error
            left = self._waiting.drain()
            self._changed.notify_all()
        for entry in (*held, *left):
            _fail(entry.job, Closed(self._why_closed()))

    def _take(self, held: list[_Entry]) -> bool:
        """Wait for work; False when there will be none."""
        with self._changed:
            while self._death is None:
                held += self._waiting.take()
                for entry in held:
                    self._admission.leave(entry.job.client)
                held[:] = [entry for entry in held if not entry.job.future.cancelled()]
                if held:
                    self._changed.notify_all()
                    return True
                if self._waiting:
                    continue
                if self._closing:
                    return False
                self._changed.wait()
        return False

    def _run(self, entries: list[_Entry]) -> None:
        began = time.perf_counter()
        try:
            batch = pad([entry.window.ids for entry in entries], pad_id=self._pad_id)
            logits = self._backend.run(batch)
            run_s = time.perf_counter() - began
            self._answer(entries, logits, began, run_s)
        except Exception as error:  # ends with the batch's texts; the worker goes on
            for entry in entries:
                _fail(entry.job, error)
            return
        if self.observers:
            n_rows, width = batch.input_ids.shape
            n_tokens = sum(len(entry.window.ids) for entry in entries)
            waits_s = [began - entry.job.submitted for entry in entries]
            stats = BatchStats(n_rows, n_tokens, n_rows * width, run_s, waits_s)
            self.observers.batch_ran(stats)

    def _answer(self, entries: list[_Entry], logits: Logits, began: float, run_s: float) -> None:
        for name, rows in logits.items():
            if len(rows) != len(entries):
                raise BackendError(
                    f"the engine gave {len(rows)} rows of {name} for a batch of {len(entries)}"
                )
        finished = []
        with self._changed:
            for row, entry in enumerate(entries):
                entry.job.parts[entry.place] = {name: rows[row] for name, rows in logits.items()}
                entry.job.missing -= 1
                if not entry.job.missing:
                    finished.append(entry.job)
        for job in finished:
            job.future.queue_s, job.future.model_s = began - job.submitted, run_s
            _finish(job)

    def _why_closed(self) -> str:
        return "the analyzer was closed" if self._death is None else _death_of(self._death)


def _death_of(error: BaseException) -> str:
    return f"the model's worker ended: {type(error).__name__}"


def _finish(job: _Job) -> None:
    parts = [part for part in job.parts if part is not None]
    if len(parts) == 1:
        stacked = {name: row[None] for name, row in parts[0].items()}
    else:
        stacked = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    try:
        job.future.set_result(stacked)
    except InvalidStateError:
        return  # the caller left, or another window of the text failed


def _fail(job: _Job, error: Exception) -> None:
    try:
        job.future.set_exception(error)
    except InvalidStateError:
        return
