"""How a server starts once its settings are known: in this process, or in several."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sentire.errors import OptionError

if TYPE_CHECKING:
    from socket import socket

    from sentire.gateway.remote import RemoteModels
    from sentire.service.settings import Settings
    from sentire.serving.models import Models
    from sentire.workers.member import Member

Announce = Callable[[list[str]], None]
"""Says that requests are taken, by which models."""

_MARGIN_S = 5.0
"""For the end of a worker, beside the time that its requests get."""


def serve_alone(app: str, settings: "Settings", sock: "socket", announce: Announce) -> None:
    """Serve from this process.

    Parameters
    ----------
    app : str
        The module whose ``create_app`` makes the application.
    settings : Settings
    sock : socket
        Bound.
    announce : function
        Called with the models' names once requests are taken.
    """
    from sentire.serving.served import names_of
    from sentire.web import server

    create_app = import_module(app).create_app
    with open_served(settings) as models:
        server.run(
            create_app(models, settings),
            sock,
            settings.server,
            settings.limits,
            on_ready=lambda: announce(names_of(models)),
        )


def serve_together(app: str, settings: "Settings", sock: "socket", announce: Announce) -> None:
    """Serve from several processes; parameters are those of :func:`serve_alone`.

    Raises
    ------
    OptionError
        This system has no processes that share a socket.
    """
    import msgspec

    from sentire.cli.worker import Task
    from sentire.threads import choose_threads, divide_threads
    from sentire.workers.member import observed
    from sentire.workers.supervisor import Supervisor

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
            announce(seen.condition.models if seen else [])

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


def open_served(settings: "Settings", member: "Member | None" = None) -> "Models | RemoteModels":
    """Open the models that the settings name, here or in model services.

    Parameters
    ----------
    settings : Settings
    member : Member, optional
        This worker, where several have the same models.
    """
    if settings.remote.urls:
        from sentire.gateway.remote import open_remote

        return open_remote(settings)
    from functools import partial

    from sentire.service.shared_models import SharedModels
    from sentire.serving.factory import open_models
    from sentire.serving.models import Models

    make = Models if member is None else partial(SharedModels, member=member)
    return open_models(settings, max_waiting=settings.limits.queue, make=make)


def start_log(form: str) -> None:
    """Log to standard error, as lines for people or as JSON."""
    import logging

    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("sentire").setLevel(logging.INFO)
    if form == "json":
        from sentire.telemetry.logs import json_formatter

        logging.getLogger().handlers[0].setFormatter(json_formatter())
