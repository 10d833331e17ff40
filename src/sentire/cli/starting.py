"""How a server starts once its settings are known: in this process, or in several."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from sentire.errors import OptionError

if TYPE_CHECKING:
    from socket import socket

    from sentire.config import Settings
    from sentire.gateway.remote import RemoteModels
    from sentire.service.models import Models
    from sentire.service.peers import Peers

Announce = Callable[[list[str]], None]
"""Says that requests are taken, by which models."""


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
    from sentire.service import server

    create_app = import_module(app).create_app
    with open_served(settings) as models:
        server.run(
            create_app(models, settings),
            sock,
            settings,
            on_ready=lambda: announce(names_of(models)),
        )


def serve_together(app: str, settings: "Settings", sock: "socket", announce: Announce) -> None:
    """Serve from several processes; parameters are those of :func:`serve_alone`.

    Raises
    ------
    OptionError
        This system has no processes that share a socket.
    """
    from msgspec.structs import replace

    from sentire.service.supervisor import Supervisor
    from sentire.service.workers import Task, private_folder, shares
    from sentire.threads import choose_threads

    n_workers = settings.server.workers
    if os.name != "posix":
        raise OptionError(
            f"{n_workers} workers share a socket, which needs Linux or macOS. Leave workers at 1."
        )
    with private_folder() as folder:
        tasks = [
            Task(
                app=app,
                settings=replace(settings, threads=threads),
                number=number,
                n_workers=n_workers,
                folder=str(folder),
                listener=sock.fileno(),
            )
            for number, threads in enumerate(shares(choose_threads(settings.threads), n_workers), 1)
        ]
        # -P: a file beside which the server is started must not pass for one of Python's modules.
        command = [sys.executable, "-P", "-m", "sentire.cli.worker"]
        Supervisor(command, tasks, sock, on_ready=announce).run()


def names_of(models: "Models | RemoteModels") -> list[str]:
    """Name what is served, for people."""
    return [f"{model.name} {model.version}" for model in models.listed()]


def open_served(settings: "Settings", peers: "Peers | None" = None) -> "Models | RemoteModels":
    """Open the models that the settings name, here or in model services.

    Parameters
    ----------
    settings : Settings
    peers : Peers, optional
        The other workers, who have the same models.
    """
    if settings.remote.urls:
        from sentire.gateway.remote import open_remote

        return open_remote(settings)
    from sentire.service.opening import open_models

    return open_models(settings, peers)


def start_log(form: str) -> None:
    """Log to standard error, as lines for people or as JSON."""
    import logging

    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("sentire").setLevel(logging.INFO)
    if form == "json":
        from sentire.service.logs import json_formatter

        logging.getLogger().handlers[0].setFormatter(json_formatter())
