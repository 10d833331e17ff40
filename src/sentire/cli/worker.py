"""One of several workers: ``python -m sentire.cli.worker TASK``, started by the supervisor.

Reads:   its task from a file; standard input, whose end is the end of the supervisor
Gives:   requests answered until it is told to stop; beside its task, why it never will
"""

import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

import msgspec

from sentire.cli.main import verdict
from sentire.service.settings import Settings
from sentire.signals import stop_signals


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told when it is started; the folder of its file is that of all workers."""

    app: str
    """The module whose ``create_app`` makes the application."""
    settings: Settings
    number: int
    """From 1; whoever takes the place of a worker has its number."""
    n_workers: int
    listener: int
    """File descriptor of the socket that all of them take connections from."""


def main() -> None:
    """Serve until told to stop."""
    for number in stop_signals():
        signal.signal(number, lambda *_: sys.exit(0))
    file = Path(sys.argv[1])
    threading.Thread(target=_stop_with_supervisor, daemon=True).start()
    try:
        _work(msgspec.json.decode(file.read_bytes(), type=Task), file.parent)
    except Exception as error:
        message, code = verdict(error)
        file.with_suffix(".failed").write_text(message, encoding="utf-8")
        sys.exit(code)


def _work(task: Task, folder: Path) -> None:
    # Both are read while the libraries are imported.
    os.environ.setdefault("RAYON_NUM_THREADS", str(task.settings.threads))  # those of the tokenizer
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    import socket
    from importlib import import_module

    from sentire.cli.starting import open_served, start_log
    from sentire.telemetry import metrics
    from sentire.web import server
    from sentire.workers.acceptor import Acceptor
    from sentire.workers.member import Member

    start_log(task.settings.server.log)
    metrics.count_in_files(task.number)
    member = Member(folder, number=task.number, n_workers=task.n_workers)
    create_app = import_module(task.app).create_app
    with (
        socket.socket(fileno=task.listener) as sock,
        open_served(task.settings, member) as models,
    ):
        app = create_app(models, task.settings, member=member)
        accept = partial(Acceptor, heartbeats=member.heartbeats, number=task.number)
        server.run(
            app,
            sock,
            task.settings.server,
            task.settings.limits,
            on_ready=lambda: None,
            accept=accept,
        )


def _stop_with_supervisor() -> None:
    """A worker that nobody watches any more would hold the port for ever."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
