"""A process that answers requests: the only one, or one of several workers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from socket import socket

from fastapi import FastAPI

from sentire.cli.worker_task import ApplicationName, Task
from sentire.gateway import app as gateway
from sentire.gateway.remote import RemoteModels, open_remote
from sentire.service import app as service
from sentire.service.settings import Settings
from sentire.service.shared_models import SharedModels
from sentire.serving.factory import open_models
from sentire.serving.models import Models
from sentire.serving.served import names_of
from sentire.telemetry import metrics
from sentire.telemetry.logs import start_log
from sentire.web import server
from sentire.workers.acceptor import Acceptor
from sentire.workers.member import Member

_APPLICATIONS: dict[ApplicationName, Callable[..., FastAPI]] = {
    "gateway": gateway.create_app,
    "service": service.create_app,
}


def serve_alone(
    app: ApplicationName,
    settings: Settings,
    sock: socket,
    announce: Callable[[list[str]], None],
) -> None:
    """Serve from this process until told to stop.

    Parameters
    ----------
    app : what is served
    settings : Settings
    sock : socket
        Bound.
    announce : function
        Called with the models' names once requests are taken.
    """
    with _open(settings) as models:
        server.run(
            _APPLICATIONS[app](models, settings),
            sock,
            settings.server,
            settings.limits,
            on_ready=lambda: announce(names_of(models)),
        )


def serve_as_worker(task: Task, folder: Path) -> None:
    """Serve from this process, one of several, until told to stop.

    Parameters
    ----------
    task : Task
    folder : Path
        Where the workers of this server find each other.
    """
    settings = task.settings
    start_log(settings.server.log)
    metrics.count_in_files(task.number)
    member = Member(folder, number=task.number, n_workers=task.n_workers)
    with socket(fileno=task.listener) as sock, _open(settings, member) as models:
        server.run(
            _APPLICATIONS[task.app](models, settings, member=member),
            sock,
            settings.server,
            settings.limits,
            on_ready=lambda: None,
            accept=partial(Acceptor, heartbeats=member.heartbeats, number=task.number),
        )


def _open(settings: Settings, member: Member | None = None) -> Models | RemoteModels:
    """Open the models that the settings name, here or in model services."""
    if settings.remote.urls:
        return open_remote(settings)
    make = Models if member is None else partial(SharedModels, member=member)
    return open_models(settings, max_waiting=settings.limits.queue, make=make)
