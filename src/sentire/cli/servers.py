"""The work of ``sentire serve`` and ``serve-model``: settings, socket, then the processes.

A server of one process and the supervisor of several need different libraries, so which module
serves is known only when the settings are read, and it is imported then.
"""

import os
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click

from sentire.cli.server_options import GATEWAY_PORT, SERVICE_PORT
from sentire.cli.server_settings import with_options
from sentire.cli.worker_task import ApplicationName
from sentire.errors import OptionError
from sentire.service.settings import Settings, load_settings
from sentire.telemetry.logs import start_log
from sentire.web import server

_GATEWAY_READY = """\
sentire is ready.
  page   {url}/
  API    {url}/docs
  model  {models}
Stop it with Ctrl-C."""

_SERVICE_READY = """\
sentire is ready.
  API    {url}/docs
  model  {models}
Stop it with Ctrl-C."""

_OPEN = (
    "Warning: other machines can reach this address, and there are no keys: whoever reaches it "
    "may use it."
)

_ALONE = "sentire.cli.server_process:serve_alone"
_TOGETHER = "sentire.cli.worker_processes:serve_together"


def serve(*, config: Path | None, **options: Any) -> None:
    """Serve the page, the API and the models until told to stop.

    Parameters
    ----------
    config : Path, optional
        Settings in TOML.
    **options : those of ``sentire serve``
    """
    if options["model_urls"] and options["models"]:
        raise click.UsageError("Give --model or --model-url: models are loaded here or there.")
    settings = with_options(load_settings(config, os.environ), options)
    _serve("gateway", settings, ready=_GATEWAY_READY, default_port=GATEWAY_PORT)


def serve_model(*, config: Path | None, **options: Any) -> None:
    """Serve the model service until told to stop.

    Parameters
    ----------
    config : Path, optional
        Settings in TOML.
    **options : those of ``sentire serve-model``

    Raises
    ------
    OptionError
        The settings name model services.
    """
    settings = with_options(load_settings(config, os.environ), options)
    if settings.remote.urls:
        raise OptionError(
            "the settings name model services (remote.urls), and a model service holds its models "
            "itself. Take the setting away, or start sentire serve."
        )
    _serve("service", settings, ready=_SERVICE_READY, default_port=SERVICE_PORT)


def _serve(app: ApplicationName, settings: Settings, *, ready: str, default_port: int) -> None:
    """Listen, and serve; ``ready`` is said with ``{url}`` and ``{models}`` in it."""
    wanted = settings.server.port
    sock = server.bind(settings.server.host, default_port if wanted is None else wanted)
    with sock:
        is_open = server.is_public(sock) and settings.keys.file is None
        if is_open and not settings.server.open:
            raise OptionError(
                f"other machines can reach host {settings.server.host}, and there are no keys. "
                "Make some with sentire keys and name their file with --keys; or say --open where "
                "whoever reaches it may use it; or leave --host away to serve this machine only."
            )
        start_log(settings.server.log)
        url = server.url_of(sock)

        def announce(models: list[str]) -> None:
            names = ", ".join(models) or "none yet: no model service answers"
            click.echo(ready.format(url=url, models=names), err=True)
            if is_open:
                click.echo(_OPEN, err=True)

        run = resolve_name(_TOGETHER if settings.server.workers > 1 else _ALONE)
        run(app, settings, sock, announce)
