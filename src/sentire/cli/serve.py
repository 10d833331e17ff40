"""``sentire serve``: page, API and model in one process."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import click

from sentire.types import Engine

if TYPE_CHECKING:
    from sentire.config import Settings

_EXAMPLES = """
\b
Examples:
  sentire serve
  sentire serve --port 9000 --model ./my-bundle
  sentire serve --host 0.0.0.0 --config sentire.toml
  SENTIRE_LIMITS_TEXTS=200 sentire serve

\b
Then, from anywhere on this machine:
  curl http://127.0.0.1:8080/analyze -H 'Content-Type: application/json' -d '{"text": "很好用"}'
"""

_READY = """\
sentire is ready.
  page   {url}/
  API    {url}/docs
  model  {model}
Stop it with Ctrl-C."""
_PUBLIC = (
    "Warning: other machines can reach this address, and there are no keys yet: "
    "whoever reaches it may use it. Leave --host away to serve this machine only."
)


@click.command(epilog=_EXAMPLES)
@click.option("--host", metavar="HOST", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one.  [default: 8080]")
@click.option("--model", metavar="M", help="Model name, name@version, or a bundle's folder.")
@click.option(
    "--engine",
    type=click.Choice(get_args(Engine)),
    help="What runs the model.  [default: openvino]",
)
@click.option("--threads", type=click.IntRange(1, 1024), help="CPUs to use.  [default: all]")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings in TOML. Variables SENTIRE_… win over it, options over both.",
)
def serve(config: Path | None, **options: Any) -> None:
    """Serve the web page, the API and the model from one process.

    Stops in good order at Ctrl-C or SIGTERM.
    """
    # Set before anything is loaded, so that a stop during the start is a clean end as well.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    from sentire.config import load_settings

    settings = load_settings(config, os.environ)
    _serve(_with_options(settings, {k: v for k, v in options.items() if v is not None}))


def _stop(*_: object) -> NoReturn:
    sys.exit(0)


def _with_options(settings: "Settings", given: dict[str, Any]) -> "Settings":
    from msgspec.structs import replace

    address = {key: given.pop(key) for key in ("host", "port") if key in given}
    return replace(settings, server=replace(settings.server, **address), **given)


def _serve(settings: "Settings") -> None:
    import logging

    from sentire.service import server

    sock = server.bind(settings.server.host, settings.server.port)
    with sock:
        from sentire.gateway.app import create_app
        from sentire.inference.load import load
        from sentire.inference.scheduler import Scheduling

        logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr)
        logging.getLogger("sentire").setLevel(logging.INFO)
        scheduling = Scheduling(max_waiting=settings.limits.queue)
        with load(
            settings.model,
            engine=settings.engine,
            threads=settings.threads,
            scheduling=scheduling,
        ) as analyzer:

            def announce() -> None:
                url, info = server.url_of(sock), analyzer.info
                click.echo(_READY.format(url=url, model=f"{info.name} {info.version}"), err=True)
                if server.is_public(sock):
                    click.echo(_PUBLIC, err=True)

            server.run(
                create_app(analyzer, settings),
                sock,
                shutdown_s=settings.server.shutdown_s,
                on_ready=announce,
            )
