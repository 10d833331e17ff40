"""``sentire doctor``: what is wrong on this machine; how many machines a load needs."""

from collections.abc import Mapping
from typing import Any

import click

from sentire.cli.deferred import DeferredCommand
from sentire.cli.server_options import GATEWAY_PORT, serving_options

_EXAMPLES = """
\b
Examples:
  sentire doctor
  sentire doctor --config sentire.toml --port 9000      would a server with these start?
  sentire doctor --model /models/shop@production --only registry --only disk
  sentire doctor --json > findings.json
  sentire doctor --capacity 500/s --p99 50ms            how many cores and replicas?
  sentire doctor --capacity 500/s --p99 50ms --tokens 40 --cores 4

\b
例子:
  sentire doctor                                        检查这台机器，每个问题都附解决办法
  sentire doctor --capacity 500/s --p99 50ms            每秒 500 条、99% 在 50 毫秒内，需要多少核

\b
Exit codes: 0 fine, or warnings only; 1 something is broken, or no number of replicas meets the p99;
2 wrong usage.
"""


def _work(options: Mapping[str, Any]) -> str:
    """A broken library may keep ``capacity`` from being imported; the checks explain that."""
    is_plan = options["capacity"] is not None
    return "sentire.cli.capacity:plan" if is_plan else "sentire.cli.diagnosis:diagnose"


@click.command(cls=DeferredCommand, work=_work, epilog=_EXAMPLES)
@serving_options(GATEWAY_PORT)
@click.option(
    "--model-url",
    "model_urls",
    metavar="URL",
    multiple=True,
    help="A model service behind the gateway; may be given several times.",
)
@click.option(
    "--only",
    metavar="CHECK",
    multiple=True,
    help="Run this check alone; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--capacity", metavar="RATE", help="Texts a second to plan for, such as 500/s.")
@click.option(
    "--p99",
    metavar="TIME",
    default="50ms",
    show_default=True,
    help="With --capacity: 99 of 100 answers have to come within it, such as 50ms or 0.2s.",
)
@click.option(
    "--tokens",
    type=click.IntRange(1, 10_000),
    default=24,
    show_default=True,
    help="With --capacity: length of a text. A Chinese character or an English word is about one.",
)
@click.option(
    "--cores",
    type=click.IntRange(1, 1024),
    help="With --capacity: cores of one replica.  [default: the cheapest of 1, 2, 4 and 8]",
)
def doctor() -> None:
    """Check this machine, and explain what is wrong and what to do.

    Takes the options of serve, and asks whether a server with them would start and run well here.
    Nothing is changed, and nobody is asked but the registries, caches and services that the
    settings name. With --capacity it measures this machine for some seconds instead.
    """
