"""The options that ``serve``, ``serve-model`` and ``doctor`` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from sentire.types import MAX_THREADS, Engine

Command = TypeVar("Command", bound=Callable[..., Any])

GATEWAY_PORT, SERVICE_PORT = 8080, 5000
"""Where ``serve`` and ``serve-model`` listen, unless an option or a setting says otherwise."""


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
