"""What ``serve`` and ``serve-model`` have in common: options, start and end."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_args

import click

from sentire.errors import OptionError
from sentire.signals import stop_signals
from sentire.types import MAX_THREADS, Engine

if TYPE_CHECKING:
    from sentire.service.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_OPEN = (
    "Warning: other machines can reach this address, and there are no keys: whoever reaches it "
    "may use it."
)


def serving_options(port: int) -> Callable[[Command], Command]:
    """Add the options that every server has.

    Parameters
    ----------
    port : int
        The default.
    """
    options = (
        click.option("--host", metavar="HOST", help="Address to listen on.  [default: 127.0.0.1]"),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            help=f"0 takes a free one.  [default: {port}]",
        ),
        click.option(
            "--model",
            "models",
            metavar="[NAME=]M",
            multiple=True,
            help="Model name, name@version, a bundle's folder, a file that holds the path of one, "
            "or REGISTRY/NAME@ALIAS; may be given several times, and the first is the default. "
            "NAME= serves it under that name.",
        ),
        click.option(
            "--engine",
            type=click.Choice(get_args(Engine)),
            help="What runs the models.  [default: openvino]",
        ),
        click.option(
            "--threads", type=click.IntRange(1, MAX_THREADS), help="CPUs to use.  [default: all]"
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            help="Processes that serve the port together, and divide the threads.  [default: 1]",
        ),
        click.option(
            "--keys",
            "key_file",
            type=click.Path(exists=True, dir_okay=False),
            help="Ask for a key of this file; see sentire keys.",
        ),
        click.option(
            "--open",
            "is_open",
            is_flag=True,
            default=None,
            help="Let other machines in without keys.",
        ),
        click.option(
            "--cors-origin",
            "cors_origins",
            metavar="ORIGIN",
            multiple=True,
            help="Let pages of another site read answers, such as https://shop.example; may be "
            "given several times.",
        ),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Settings in TOML. Variables SENTIRE_… win over it, options over both.",
        ),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def serve_until_stopped(
    app: str,
    ready: str,
    *,
    default_port: int,
    config: Path | None,
    may_be_remote: bool = False,
    **options: Any,
) -> None:
    """Load the models, serve an application over them, and end in good order when told to.

    Parameters
    ----------
    app : str
        The module whose ``create_app`` makes the application.
    ready : str
        What to say when requests are taken, with ``{url}`` and ``{models}``.
    default_port : int
        Where neither an option nor a setting says which.
    config, options : those of :func:`serving_options`
    may_be_remote : bool
        Whether the application can ask model services instead of loading models.
    """
    # Set before anything is loaded, so that a stop during the start is a clean end as well.
    for number in stop_signals():
        signal.signal(number, _stop)
    from sentire.service.settings import load_settings

    settings = with_options(load_settings(config, os.environ), options)
    if settings.remote.urls and not may_be_remote:
        raise OptionError(
            "the settings name model services (remote.urls), and a model service holds its models "
            "itself. Take the setting away, or start sentire serve."
        )
    _serve(app, ready, settings, default_port)


def _stop(*_: object) -> NoReturn:
    sys.exit(0)


def with_options(settings: "Settings", options: dict[str, Any]) -> "Settings":
    """Settings with the options of a command in them, which win."""
    from msgspec.structs import replace

    from sentire.config import check_value
    from sentire.service.settings import Settings

    given = {key: value for key, value in options.items() if value not in {None, ()}}
    if "cors_origins" in given:
        check_value(
            Settings, "server.cors_origins", given["cors_origins"], name="option --cors-origin"
        )
    server = {
        field: given.pop(option)
        for option, field in (
            ("host", "host"),
            ("port", "port"),
            ("is_open", "open"),
            ("workers", "workers"),
            ("cors_origins", "cors_origins"),
        )
        if option in given
    }
    keys = {"file": given.pop("key_file")} if "key_file" in given else {}
    remote = {"urls": given.pop("model_urls")} if "model_urls" in given else {}
    if "models" in given:
        given["model"], *more = given["models"]
        given["models"] = tuple(more)
    return replace(
        settings,
        server=replace(settings.server, **server),
        keys=replace(settings.keys, **keys),
        remote=replace(settings.remote, **remote),
        **given,
    )


def _serve(app: str, ready: str, settings: "Settings", default_port: int) -> None:
    from sentire.cli import starting
    from sentire.web import server

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
        starting.start_log(settings.server.log)
        url = server.url_of(sock)

        def announce(models: list[str]) -> None:
            names = ", ".join(models) or "none yet: no model service answers"
            click.echo(ready.format(url=url, models=names), err=True)
            if is_open:
                click.echo(_OPEN, err=True)

        together = settings.server.workers > 1
        serve = starting.serve_together if together else starting.serve_alone
        serve(app, settings, sock, announce)
