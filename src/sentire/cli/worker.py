"""One of several workers: ``python -m sentire.cli.worker``, started by ``service/supervisor.py``.

Reads:   its task from standard input, whose end is the end of the supervisor
Gives:   one line on standard output: that it takes requests, or why it never will
Never:   writes anything else there; libraries that do write to standard error
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sentire.cli.main import say, verdict
from sentire.signals import stop_signals

if TYPE_CHECKING:
    from sentire.service.workers import Task


def main() -> None:
    """Serve until told to stop."""
    for number in stop_signals():
        signal.signal(number, lambda *_: sys.exit(0))
    said = _Report()
    try:
        from sentire.service.workers import Task

        task = msgspec.json.decode(_first_line(), type=Task)
        threading.Thread(target=_stop_with_supervisor, daemon=True).start()
        _work(task, said)
    except Exception as error:
        message, code = verdict(error)
        if not said.send(error=message, exit_code=code):
            say(message)
        sys.exit(code)


def _work(task: "Task", said: "_Report") -> None:
    import socket
    from importlib import import_module

    from sentire.cli.starting import names_of, open_served, start_log
    from sentire.service import metrics, server
    from sentire.service.peers import Peers

    start_log(task.settings.server.log)
    metrics.count_in_files(task.number)
    peers = Peers(Path(task.folder), number=task.number, n_workers=task.n_workers)
    create_app = import_module(task.app).create_app
    with (
        socket.socket(fileno=task.listener) as sock,
        open_served(task.settings, peers) as models,
    ):
        app = create_app(models, task.settings, peers=peers)

        def announce() -> None:
            said.send(models=names_of(models))

        server.run(app, sock, task.settings, on_ready=announce, peers=peers)


class _Report:
    """The one line on standard output, which is standard error for everybody else."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        os.dup2(2, 1)
        self._is_sent = False

    def send(self, **report: object) -> bool:
        """Send it; False where one was sent before."""
        if self._is_sent:
            return False
        self._is_sent = True
        os.write(self._fd, msgspec.json.encode(report) + b"\n")
        os.close(self._fd)
        return True


def _first_line() -> bytes:
    """Read without a buffer: a thread that waits inside one keeps the process from ending."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 4096)
        if not piece:
            sys.exit(0)
        line += piece
    return line


def _stop_with_supervisor() -> None:
    """A worker that nobody watches any more would hold the port for ever."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
