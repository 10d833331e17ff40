"""Keeps the workers of a server running: starts them, replaces those that end or hang, stops them.

All take connections from one socket that they inherit, so that one that is killed or hangs takes
down only what it had accepted. uvicorn's own supervisor shares sockets in the same way, but ends
the server when a replacement can't start, starts what fails again without a pause, waits for ever
for a worker that does not end, and leaves workers behind when it is killed itself.
"""

import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sentire.errors import BackendError, OptionError
from sentire.kernel import read_text
from sentire.signals import stop_signals
from sentire.workers.heartbeats import Heartbeats

_LOG = logging.getLogger("sentire.workers")
_LOOK_S = 0.1
_START_S = 600.0
"""A worker that takes longer to load its models hangs."""
_PROVEN_S = 10.0
"""A worker that lived for so long had no trouble with its start, and is replaced at once."""
_USAGE = 2


def wait_before(n_failures: int) -> float:
    """Seconds before a worker is started again after so many failures in a row."""
    return min(30.0, 0.5 * 2.0 ** min(n_failures - 1, 10)) if n_failures else 0.0


class _Worker:
    def __init__(self, number: int, command: Sequence[str]) -> None:
        self.number, self.command = number, command
        self.process: subprocess.Popen[bytes] | None = None
        self.beat = self.silent_s = self.start_at = 0.0
        self.serves_since: float | None = None
        self.n_failures, self.is_failing, self.killed_for = 0, False, ""


class Supervisor:
    """Runs workers.

    Parameters
    ----------
    commands : sequence of sequences of str
        One for each worker, which ends when its standard input does. One that fails leaves the
        reason in ``N.failed`` in ``folder``.
    sock : socket
        Bound; closed at the end.
    folder : Path
        Where the workers of this server find each other.
    hang_s : float
        A worker whose heart does not beat for so many seconds is replaced.
    stop_s : float
        How long a worker may take to end.
    on_ready : function
        Called once all workers take requests.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        sock: socket.socket,
        *,
        folder: Path,
        hang_s: float,
        stop_s: float,
        on_ready: Callable[[], None],
    ) -> None:
        self._workers = [_Worker(number, each) for number, each in enumerate(commands, 1)]
        self._sock, self._folder, self._on_ready = sock, folder, on_ready
        self._hang_s, self._stop_s = hang_s, stop_s
        self._heartbeats = Heartbeats(folder, len(commands))
        self._was_ready = self._is_stopping = False
        self._lifeline = os.pipe()
        """Standard input of all workers, which ends with this process, however that ends."""

    def run(self) -> None:
        """Run them until the process is told to stop; then answer what is under way.

        Raises
        ------
        OptionError, BackendError
            A worker could not start, and no other serves or may; with the reason that it gave.
        """
        for number in stop_signals():
            signal.signal(number, self._stop)
        try:
            while not self._is_stopping:
                for worker in self._workers:
                    self._look(worker)
                time.sleep(_LOOK_S)
        finally:
            self._sock.close()
            self._end_all()

    def _stop(self, number: int, _: object) -> None:
        if self._is_stopping and number == signal.SIGINT:  # Ctrl-C once more: wait for nothing
            for process in self._processes():
                process.kill()
        self._is_stopping = True

    def _look(self, worker: _Worker) -> None:
        if worker.process is None:
            if time.monotonic() >= worker.start_at:
                self._start(worker)
        elif (code := worker.process.poll()) is not None:
            self._ended(worker, worker.process, code)
        else:
            self._listen(worker, worker.process)

    def _start(self, worker: _Worker) -> None:
        worker.beat, worker.silent_s, worker.serves_since, worker.killed_for = 0.0, 0.0, None, ""
        worker.process = subprocess.Popen(  # noqa: S603 - our own command
            worker.command,
            stdin=self._lifeline[0],
            pass_fds=(self._sock.fileno(),),
            process_group=0,  # Ctrl-C reaches this process alone, which then stops the workers
        )

    def _listen(self, worker: _Worker, process: subprocess.Popen[bytes]) -> None:
        beat = self._heartbeats.serving().get(worker.number, 0.0)
        # In looks, not by the clock: while the whole container is paused, nobody is silent.
        worker.silent_s = worker.silent_s + _LOOK_S if beat == worker.beat else 0.0
        worker.beat = beat
        limit_s = self._hang_s if beat else _START_S
        if worker.silent_s > limit_s and not worker.killed_for:
            worker.killed_for = f"did not answer within {limit_s:g} s and was killed"
            process.kill()
        if not beat or worker.serves_since is not None:
            return
        worker.serves_since, worker.is_failing = time.monotonic(), False
        if self._was_ready:
            _log(logging.INFO, "serves", worker, process)
        elif all(each.serves_since is not None for each in self._workers):
            self._was_ready = True
            self._on_ready()

    def _ended(self, worker: _Worker, process: subprocess.Popen[bytes], code: int) -> None:
        self._heartbeats.clear(worker.number)
        file = self._folder / f"{worker.number}.failed"
        error = read_text(file)
        file.unlink(missing_ok=True)
        why = worker.killed_for or error or _ending(code)
        if worker.serves_since is None:
            worker.is_failing = True
            if not self._was_ready or all(each.is_failing for each in self._workers):
                # A worker's reason is said as a server without workers says it.
                kind = OptionError if error and code == _USAGE else BackendError
                raise kind(error or f"a worker {why}")
            why = f"did not start: {why}"
        elif time.monotonic() - worker.serves_since > _PROVEN_S:
            worker.n_failures = -1
        worker.n_failures += 1
        wait_s = wait_before(worker.n_failures)
        worker.process, worker.start_at = None, time.monotonic() + wait_s
        _log(logging.ERROR, f"{why}; it is replaced in {wait_s:g} s", worker, process, reason=why)

    def _end_all(self) -> None:
        for process in self._processes():
            process.terminate()
        end = time.monotonic() + self._stop_s
        for process in self._processes():
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for end_of_pipe in self._lifeline:
            os.close(end_of_pipe)

    def _processes(self) -> list[subprocess.Popen[bytes]]:
        return [worker.process for worker in self._workers if worker.process is not None]


def _ending(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _log(
    level: int, said: str, worker: _Worker, process: subprocess.Popen[bytes], **more: object
) -> None:
    fields = {"worker": worker.number, "pid": process.pid, **more}
    message = "worker %d (process %d) %s"
    _LOG.log(level, message, worker.number, process.pid, said, extra={"fields": fields})
