"""Servers as processes: started, awaited, weighed, and ended without a rest.

Reads:   command lines
Gives:   a running server inside a ``with``
Never:   leaves a process behind, as long as it is not killed itself with SIGKILL
"""

import contextlib
import ctypes
import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import psutil

_PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 12


class ServerFailed(Exception):
    """A server did not come up, or gave a wrong answer."""


class Server:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process, self.port, self.log = process, port, log
        self.start_s = 0.0

    @property
    def memory_mb(self) -> float:
        """Resident memory of its processes, shared pages counted in each."""
        total = 0
        for process in _family(self._process.pid):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total / 2**20

    @property
    def threads(self) -> int:
        """Threads of its processes."""
        return sum(process.num_threads() for process in _family(self._process.pid))

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request on a connection of its own: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def wait(self, method: str, path: str, body: bytes | None, *, limit_s: float) -> None:
        """Return once a request is answered with 200."""
        began = time.perf_counter()
        last = "no answer"
        while time.perf_counter() - began < limit_s:
            if self._process.poll() is not None:
                raise ServerFailed(
                    f"it ended with exit code {self._process.returncode}: {last_line(self.log)}"
                )
            try:
                status, answer = self.ask(method, path, body)
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
                continue
            if status == 200:
                return
            last = f"status {status}: {answer[:200].decode(errors='replace')}"
            time.sleep(0.1)
        raise ServerFailed(f"not ready after {limit_s:g} s ({last}); {last_line(self.log)}")


@contextlib.contextmanager
def started(
    command: Sequence[str],
    *,
    port: int,
    ready: tuple[str, str, bytes | None],
    log: Path,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limit_s: float = 120,
) -> Iterator[Server]:
    """Run a server until the ``with`` ends.

    Parameters
    ----------
    command : words of the command line
    port : where it will listen
    ready : method, path and body of a request that is answered with 200 once it is ready
    log : file for what it prints
    environ : variables beside those of this process
    folder : where it runs
    limit_s : seconds until it has to be ready

    Raises
    ------
    ServerFailed
        It ended or did not become ready.
    """
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            cwd=folder,
            start_new_session=True,
        )
    server = Server(process, port, log)
    try:
        server.wait(*ready, limit_s=limit_s)
        server.start_s = time.perf_counter() - began
        yield server
    finally:
        _end([*_family(process.pid)])
        process.wait()


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def last_line(log: Path) -> str:
    """The last line of a log that names an error, or else the last one that says something."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    told = [line[:300] for line in lines if line]
    errors = [line for line in told if re.match(r"[\w.]*(Error|Exception|Fail)\w*\b.*: ", line)]
    return (errors or told or ["it printed nothing"])[-1]


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """End every process below this one when the ``with`` ends, however that happens.

    Orphans, such as the daemons that a framework starts, become children of this process.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        while rest := psutil.Process().children(recursive=True):
            _end(rest, grace_s=3)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end(processes: Sequence[psutil.Process], *, grace_s: float = GRACE_S) -> None:
    """SIGTERM to the first, which ends the others in good order; SIGKILL to what is left."""
    for process in processes[:1]:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
