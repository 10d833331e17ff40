"""The work of ``sentire doctor``: run the checks, and print what they found."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click
import msgspec
from click.core import ParameterSource
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentire.cli.server_settings import with_options
from sentire.doctor import checks, configuration
from sentire.doctor.checks import CHECKS
from sentire.doctor.findings import Finding, Machine, worst
from sentire.service.settings import Settings

_FINE, _BROKEN = 0, 1
_FOR_CAPACITY = ("p99", "tokens", "cores")


def diagnose(*, only: tuple[str, ...], as_json: bool, config: Path | None, **options: Any) -> int:
    """Check this machine and print the findings.

    Parameters
    ----------
    only : names of checks
        Empty runs all.
    as_json : whether to print one JSON object
    config : Path, optional
        Settings in TOML.
    **options : those of a server, and those of ``--capacity``, which are refused

    Returns
    -------
    Exit code: 1 where something is broken.
    """
    _check_options(only)
    server = {n: o for n, o in options.items() if n not in {"capacity", *_FOR_CAPACITY}}
    settings, first = configuration.read(config, os.environ)
    settings = with_options(settings, server)
    findings = list(_findings(first, settings, only))
    _print(findings, as_json=as_json)
    return _BROKEN if any(f.status == "broken" for f in findings) else _FINE


def _check_options(only: Sequence[str]) -> None:
    source = click.get_current_context().get_parameter_source
    for name in _FOR_CAPACITY:
        if source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} is for --capacity.")
    for name in only:
        if name not in CHECKS:
            raise click.UsageError(f"There is no check {name!r}. There are {', '.join(CHECKS)}.")


def _findings(first: Finding, settings: Settings, only: tuple[str, ...]) -> Iterator[Finding]:
    """All findings, with a line on a terminal that says which check is under way."""
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


def _print(findings: Sequence[Finding], *, as_json: bool) -> None:
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


def _table(findings: Sequence[Finding]) -> None:
    """A table on a terminal, one line for each finding elsewhere."""
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
