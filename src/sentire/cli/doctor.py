"""``sentire doctor``: what is wrong on this machine; how many machines a load needs."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentire.cli.serving import serving_options, with_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sentire.doctor.findings import Finding
    from sentire.service.settings import Settings

PORT = 8080
_FINE, _BROKEN = 0, 1

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


@click.command(epilog=_EXAMPLES)
@serving_options(PORT)
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
def doctor(  # noqa: PLR0917 - click gives them by name
    only: tuple[str, ...],
    as_json: bool,
    capacity: str | None,
    p99: str,
    tokens: int,
    cores: int | None,
    config: Path | None,
    **options: Any,
) -> int:
    """Check this machine, and explain what is wrong and what to do.

    Takes the options of serve, and asks whether a server with them would start and run well here.
    Nothing is changed, and nobody is asked but the registries, caches and services that the
    settings name. With --capacity it measures this machine for some seconds instead.
    """
    from sentire.doctor import configuration
    from sentire.service.settings import load_settings

    if capacity is not None:
        from sentire.cli.capacity import plan, rate_of, seconds_of

        settings = with_options(load_settings(config, os.environ), options)
        return plan(
            settings,
            rate=rate_of(capacity),
            p99_s=seconds_of(p99),
            tokens=tokens,
            cores=cores,
            as_json=as_json,
        )
    _check_options(only)
    settings, first = configuration.read(config, os.environ)
    settings = with_options(settings, options)
    findings = list(_findings(first, settings, only))
    _print(findings, as_json=as_json)
    return _BROKEN if any(f.status == "broken" for f in findings) else _FINE


def _check_options(only: "Sequence[str]") -> None:
    from click.core import ParameterSource

    from sentire.doctor.checks import CHECKS

    source = click.get_current_context().get_parameter_source
    for name in ("p99", "tokens", "cores"):
        if source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} is for --capacity.")
    for name in only:
        if name not in CHECKS:
            raise click.UsageError(f"There is no check {name!r}. There are {', '.join(CHECKS)}.")


def _findings(first: "Finding", settings: "Settings", only: tuple[str, ...]) -> "Iterator[Finding]":
    """All findings, with a line on a terminal that says which check is under way."""
    from rich.console import Console

    from sentire.doctor import checks, configuration
    from sentire.doctor.findings import Machine

    if not only or first.status == "broken":
        yield first
    keys = configuration.check_keys(settings)
    if keys is not None:
        yield keys
    screen = Console(stderr=True)
    with screen.status("looking …") as line:
        for finding in checks.run(Machine(settings), only=only):
            line.update(f"looking at {finding.check} …")
            yield finding


def _print(findings: "Sequence[Finding]", *, as_json: bool) -> None:
    import json
    from importlib.metadata import version

    import msgspec

    from sentire.doctor.findings import worst

    if as_json:
        record = {
            "sentire": version("sentire"),
            "status": worst(findings),
            "findings": [msgspec.to_builtins(finding) for finding in findings],
        }
        click.echo(json.dumps(record, indent=1))  # in ASCII: the locale may be what is broken
        return
    _table(findings)
    count = {status: sum(f.status == status for f in findings) for status in ("broken", "warning")}
    click.echo(f"{count['broken']} broken, {count['warning']} warnings.", err=True)


def _table(findings: "Sequence[Finding]") -> None:
    """A table on a terminal, one line for each finding elsewhere."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if isinstance(sys.stdout, TextIOWrapper):
        # A locale that can't hold a character must not end the command that explains it.
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False)
    styles = {"fine": "green", "warning": "yellow", "broken": "bold red", "skipped": "dim"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("found, and what to do", overflow="fold")
    for finding in findings:
        if not console.is_terminal:
            fix = f" -> {finding.fix}" if finding.fix else ""
            click.echo(f"{finding.check:<9} {finding.status:<8} {finding.found}{fix}")
            continue
        said = Text(finding.found)
        if finding.fix:
            said.append(f"\n-> {finding.fix}", style="bold")
        table.add_row(finding.check, Text(finding.status, style=styles[finding.status]), said)
    if console.is_terminal:
        console.print(table)
