"""Keeps the workers of a server running: starts them, replaces those that end or hang, stops them.

All take connections from one socket that they inherit. A worker that is killed or hangs takes down
only what it had accepted; with a socket for each (``SO_REUSEPORT``) the kernel would go on handing
it every n-th connection, and would reset those that it had not accepted yet.

Reads:   how workers end, and whether they answer
Gives:   as many workers as there should be, until SIGTERM or SIGINT
Never:   serves a request
"""

import asyncio
import logging
import os
import signal
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from sentire.errors import BackendError, OptionError, SentireError
from sentire.service.peers import Line, Question
from sentire.service.workers import Report, Task
from sentire.signals import stop_signals

_LOG = logging.getLogger("sentire.workers")

_LOOK_S = 1.0
"""Between two looks whether a worker answers."""
_START_S = 600.0
"""A worker that takes longer to load its models hangs."""
_PROVEN_S = 10.0
"""A worker that lived for so long had no trouble with its start, and is replaced at once."""
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_MARGIN_S = 5.0
"""For the end of a worker, beside the time that its requests get."""
_USAGE = 2


def wait_before(n_failures: int) -> float:
    """Seconds before a worker is started again after so many failures in a row.

    Examples
    --------
    >>> [wait_before(n) for n in (0, 1, 2, 8)]
    [0.0, 0.5, 1.0, 30.0]
    """
    if n_failures == 0:
        return 0.0
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(n_failures - 1, 10))


class Supervisor:
    """Runs workers.

    Parameters
    ----------
    command : sequence of str
        Starts one, which reads its :class:`Task` from standard input and writes its :class:`Report`
        to standard output, a line of JSON each. It ends when its standard input does.
    tasks : sequence of Task
        One for each worker.
    sock : socket
        Bound; closed at the end.
    on_ready : function
        Called with the models' names once all workers take requests.
    """

    def __init__(
        self,
        command: Sequence[str],
        tasks: Sequence[Task],
        sock: socket.socket,
        *,
        on_ready: Callable[[list[str]], None],
    ) -> None:
        self._command = command
        self._tasks = tasks
        self._sock = sock
        self._on_ready = on_ready
        self._server = tasks[0].settings.server
        self._processes: dict[int, Process] = {}
        self._serving: set[int] = set()
        self._failing: set[int] = set()
        """Whose last start failed."""
        self._was_ready = False

    def run(self) -> None:
        """Run them until the process is told to stop; then answer what is under way.

        Raises
        ------
        SentireError
            A worker could not start, and no other serves or may; with the reason that it gave.
        """
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def told(number: int, _: object) -> None:
            if stop.is_set() and number == signal.SIGINT:  # Ctrl-C once more: wait for nothing
                loop.call_soon_threadsafe(self._kill_all)
            loop.call_soon_threadsafe(stop.set)

        before = {n: signal.signal(n, told) for n in stop_signals()}
        keepers = [asyncio.create_task(self._keep(task)) for task in self._tasks]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*keepers, stopping], return_when=asyncio.FIRST_COMPLETED)
            failed = [keeper for keeper in keepers if keeper.done()]
        finally:
            self._sock.close()
            for task in (*keepers, stopping):
                task.cancel()
            await asyncio.gather(*keepers, stopping, return_exceptions=True)
            await asyncio.gather(*map(self._end, self._processes.values()))
            for number, handler in before.items():
                signal.signal(number, handler)
        for keeper in failed:
            keeper.result()

    async def _keep(self, task: Task) -> None:
        """Have one worker, for ever; returns by an error alone."""
        loop, number, n_failures = asyncio.get_running_loop(), task.number, 0
        while True:
            await asyncio.sleep(wait_before(n_failures))
            process = await self._start(task)
            report = await self._report_of(process)
            if report.error:
                n_failures += 1
                self._failing.add(number)
                if not self._was_ready or len(self._failing) == len(self._tasks):
                    raise _failure(report)
                why = f"did not start: {report.error}"
            else:
                began = loop.time()
                self._serves(number, process, report)
                why = await self._watch(process, task)
                self._serving.discard(number)
                n_failures = 0 if loop.time() - began > _PROVEN_S else n_failures + 1
            wait_s = wait_before(n_failures)
            fields = {"worker": number, "pid": process.pid, "wait_s": wait_s, "reason": why}
            _LOG.error(
                "worker %d (process %d) %s; it is replaced in %g s",
                number,
                process.pid,
                why,
                wait_s,
                extra={"fields": fields},
            )

    async def _start(self, task: Task) -> Process:
        threads = str(task.settings.threads)
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(task.listener,),
            process_group=0,  # Ctrl-C reaches this process alone, which then stops the workers
            env={
                "RAYON_NUM_THREADS": threads,  # those of the tokenizer
                **os.environ,
                "PROMETHEUS_MULTIPROC_DIR": task.folder,
            },
        )
        self._processes[task.number] = process
        assert process.stdin is not None  # noqa: S101 - a pipe, as asked for
        process.stdin.write(msgspec.json.encode(task) + b"\n")
        return process

    async def _report_of(self, process: Process) -> Report:
        """Wait for what a worker says; it may end without a word."""
        assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
        try:
            async with asyncio.timeout(_START_S):
                line = await process.stdout.readline()
        except TimeoutError:
            await _kill(process)
            return Report(error=f"a worker was not ready within {_START_S:g} s", exit_code=1)
        if line.endswith(b"\n"):
            report = msgspec.json.decode(line, type=Report)
            if report.error:
                await process.wait()
            return report
        return Report(error=f"a worker {_ending(await process.wait())}", exit_code=1)

    def _serves(self, number: int, process: Process, report: Report) -> None:
        self._serving.add(number)
        self._failing.discard(number)
        if self._was_ready:
            fields = {"worker": number, "pid": process.pid}
            _LOG.info(
                "worker %d (process %d) serves", number, process.pid, extra={"fields": fields}
            )
        if not self._was_ready and len(self._serving) == len(self._tasks):
            self._was_ready = True
            self._on_ready(report.models)

    async def _watch(self, process: Process, task: Task) -> str:
        """Wait until a worker has ended, by itself or because it hung; says how."""
        ended = asyncio.create_task(process.wait())
        with suppress(OSError):
            await self._look(task, ended)
        await asyncio.wait([ended], timeout=_LOOK_S)
        if ended.done():
            return _ending(ended.result())
        await _kill(process)
        return f"did not answer within {self._server.hang_s:g} s and was killed"

    async def _look(self, task: Task, ended: asyncio.Task[int]) -> None:
        """Look at a worker again and again, until it has ended or does not answer."""
        line = await Line.to(Path(task.folder), task.number)
        try:
            while await line.ask(Question("state"), within_s=self._server.hang_s):
                await asyncio.wait([ended], timeout=_LOOK_S)
        finally:
            line.close()

    async def _end(self, process: Process) -> None:
        _send(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(self._server.shutdown_s + _MARGIN_S):
                await process.wait()
        except TimeoutError:
            await _kill(process)

    def _kill_all(self) -> None:
        for process in self._processes.values():
            _send(process, signal.SIGKILL)


async def _kill(process: Process) -> None:
    _send(process, signal.SIGKILL)
    await process.wait()


def _send(process: Process, number: signal.Signals) -> None:
    # Not by the process's own methods: they look whether it has ended, and then asyncio, who waits
    # for that in a thread, does not learn how.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _ending(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _failure(report: Report) -> SentireError:
    """Say a worker's reason in the words, and with the exit code, of a server without workers."""
    return (OptionError if report.exit_code == _USAGE else BackendError)(report.error)
