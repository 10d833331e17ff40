"""Several processes that serve one port: what each is told, and the supervisor over them."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory

import msgspec

from sentire.cli.worker_task import ApplicationName, Task
from sentire.errors import OptionError
from sentire.service.settings import Settings
from sentire.threads import choose_threads, divide_threads
from sentire.workers.member import observed
from sentire.workers.supervisor import Supervisor

_MARGIN_S = 5.0
"""For the end of a worker, beside the time that its requests get."""


def serve_together(
    app: ApplicationName, settings: Settings, sock: socket, announce: Callable[[list[str]], None]
) -> None:
    """Serve from several processes until told to stop.

    Parameters
    ----------
    app : what is served
    settings : Settings
    sock : socket
        Bound.
    announce : function
        Called with the models' names once requests are taken.

    Raises
    ------
    OptionError
        This system has no processes that share a socket.
    """
    n_workers = settings.server.workers
    if os.name != "posix":
        raise OptionError(
            f"{n_workers} workers share a socket, which needs Linux or macOS. Leave workers at 1."
        )
    shares = divide_threads(choose_threads(settings.threads), n_workers)
    with private_folder() as folder:
        commands = []
        for number, threads in enumerate(shares, 1):
            task = Task(
                app=app,
                settings=msgspec.structs.replace(settings, threads=threads),
                number=number,
                n_workers=n_workers,
                listener=sock.fileno(),
            )
            file = folder / f"{number}.task"
            file.write_bytes(msgspec.json.encode(task))
            # -P: a file beside which the server is started must not pass for a module of Python's.
            commands.append([sys.executable, "-P", "-m", "sentire.cli.worker", str(file)])

        def announce_all() -> None:
            seen = observed(folder, 1)
            announce(seen.status.models if seen else [])

        Supervisor(
            commands,
            sock,
            folder=folder,
            hang_s=settings.server.hang_s,
            stop_s=settings.server.shutdown_s + _MARGIN_S,
            on_ready=announce_all,
        ).run()


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user may enter, for as long as the workers run.

    Raises
    ------
    OptionError
        There is nowhere to make it.
    """
    try:
        folder = TemporaryDirectory(prefix="sentire-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OptionError(
            f"workers need a folder for temporary files: {error}. "
            "Name one that can be written to in the variable TMPDIR."
        ) from None
    with folder as path:
        yield Path(path)
