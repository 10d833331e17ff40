"""``sentire doctor --capacity``: measure this machine, plan for a load, say what was assumed."""

import os
import re
from pathlib import Path
from typing import Any

import click
import msgspec
from rich import box
from rich.box import Box
from rich.console import Console
from rich.table import Table

from sentire.capacity.measurement import Measured, measure
from sentire.capacity.plan import HEADROOM, Option, cheapest, options
from sentire.cli.server_settings import with_options
from sentire.service.settings import load_settings
from sentire.serving.sources import ModelSource, snapshot_reader
from sentire.units import format_bytes

_CORES = (1, 2, 4, 8)
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/\s*(s|min|h))?")
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)?")
_PER_S = {"s": 1.0, "min": 60.0, "h": 3600.0, None: 1.0}

_ASSUMED = """\
It assumes: texts of {tokens} tokens, one in a request, all different (no answer from a cache),
sent independently of each other (Poisson), to machines like this one, whose CPUs are used to
{headroom:.0%} at most. The p99 is that of a lone text, which was measured ({lone:.1f} ms), and
waits, which are estimated: for the batch that runs, for the others in its own, and for Python. The
network is not in it. Formula and limits: docs/guides/capacity.md and sentire/capacity/plan.py.\
"""


def rate_of(text: str) -> float:
    """Texts a second that ``500/s``, ``3000/min`` or ``500`` means.

    Raises
    ------
    click.BadParameter
    """
    match = _RATE.fullmatch(text.strip())
    if match is None or not float(match[1]):
        raise click.BadParameter(f"{text!r} is no rate. Write 500/s or 30000/min.")
    return float(match[1]) / _PER_S[match[2]]


def seconds_of(text: str) -> float:
    """Seconds that ``50ms``, ``0.2s`` or ``50`` (milliseconds) means.

    Raises
    ------
    click.BadParameter
    """
    match = _TIME.fullmatch(text.strip())
    if match is None or not float(match[1]):
        raise click.BadParameter(f"{text!r} is no time. Write 50ms or 0.2s.")
    return float(match[1]) / (1.0 if match[2] == "s" else 1000.0)


def plan(
    *,
    capacity: str,
    p99: str,
    tokens: int,
    cores: int | None,
    as_json: bool,
    config: Path | None,
    only: tuple[str, ...],  # noqa: ARG001 - a plan runs no checks
    **server: Any,
) -> int:
    """Measure, plan, print.

    Parameters
    ----------
    capacity : rate of texts
    p99 : time for 99 of 100 answers
    tokens : length of a text
    cores : int, optional
        Of one replica; None tries several.
    as_json : whether to print one JSON object
    config : Path, optional
        Settings in TOML.
    only : names of checks, of which none is run
    **server : options of a server

    Returns
    -------
    Exit code: 1 where no number of replicas meets the p99.
    """
    rate, p99_s = rate_of(capacity), seconds_of(p99)
    settings = with_options(load_settings(config, os.environ), server)
    folder = snapshot_reader(
        ModelSource.of(settings.model), Path(settings.downloads) if settings.downloads else None
    )().path
    with Console(stderr=True).status("measuring this machine …"):
        measured = measure(folder, engine=settings.engine, tokens=tokens)
    sizes = _CORES if cores is None else (cores,)
    found = list(options(measured.costs, rate=rate, p99_s=p99_s, cores=sizes))
    best = cheapest(found)
    if as_json:
        _print_json(measured, found, best, rate=rate, p99_s=p99_s)
    else:
        _print(measured, found, best, rate=rate, p99_s=p99_s)
    return 0 if best is not None else 1


def _print_json(
    measured: Measured, found: list[Option], best: Option | None, *, rate: float, p99_s: float
) -> None:
    record = {
        "asked": {"texts_s": rate, "p99_s": p99_s, "tokens": measured.tokens},
        "assumed": {
            "headroom": HEADROOM,
            "arrivals": "poisson",
            "texts_in_a_request": 1,
            "cached": 0,
        },
        "measured": measured,
        "options": [_record(option, measured.memory) for option in found],
        "best": None if best is None else _record(best, measured.memory),
    }
    click.echo(msgspec.json.format(msgspec.json.encode(record), indent=1))


def _record(option: Option, memory: int) -> dict[str, object]:
    return {
        "cores": option.cores,
        "replicas": option.replicas,
        "total_cores": option.total_cores,
        "texts_s_each": option.rate,
        "p99_s": option.estimate.p99_s,
        "cpu_used": option.estimate.used,
        "python_used": option.estimate.python,
        "peak_texts_s_each": option.peak,
        "memory_bytes": memory * option.replicas,
    }


def _print(
    measured: Measured, found: list[Option], best: Option | None, *, rate: float, p99_s: float
) -> None:
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    console.print(
        f"{measured.model} on {measured.processor}, {measured.engine}, "
        f"{format_bytes(measured.memory)} for a process that serves it.\n"
    )
    frame = box.SIMPLE_HEAD if console.is_terminal else box.MARKDOWN
    console.print(_lengths(measured, frame))
    console.print(
        f"\nOver HTTP, one text of {measured.tokens} tokens in a request: {measured.service_s:.0f} "
        f"texts/s a core when busy; a lone one takes {1000 * measured.lone_p50_s:.1f} ms "
        f"(median), {1000 * measured.costs.lone_p99_s:.1f} ms (p99).\n"
    )
    if measured.is_disturbed:
        console.print(
            f"Other programs used this machine meanwhile (what took 1 s of CPU took "
            f"{measured.disturbance:.1f} s): measure again when it is quiet; the p99 above all is "
            "too high.\n",
            style="bold yellow",
        )
    if best is None:
        console.print(
            f"No number of replicas answers 99 of 100 within {1000 * p99_s:g} ms: see the p99 of a "
            "lone text. Shorter texts, faster cores, a GPU or a longer time would.",
            style="bold red",
        )
    else:
        console.print(_options(found, best, measured.memory, frame))
        console.print(
            f"\nFor {rate:g} texts/s within {1000 * p99_s:g} ms: "
            f"{_counted(best.replicas, 'replica')} with {_counted(best.cores, 'core')} each ("
            f"{best.total_cores} cores, "
            f"{format_bytes(best.replicas * measured.memory)}). Add one that may fail.\n",
            style="bold",
        )
    lone = 1000 * measured.costs.lone_p99_s
    console.print(_ASSUMED.format(tokens=measured.tokens, headroom=HEADROOM, lone=lone))


def _lengths(measured: Measured, frame: Box) -> Table:
    table = _table(frame, "tokens", "pieces", "texts/s a core", "tokens/s a core")
    for bulk in measured.bulk:
        rate = f"{bulk.texts_s:,.0f}" if bulk.texts_s >= 10 else f"{bulk.texts_s:.1f}"
        table.add_row(
            f"{bulk.tokens}", f"{bulk.windows}", rate, f"{bulk.tokens * bulk.texts_s:,.0f}"
        )
    return table


def _options(found: list[Option], best: Option, memory: int, frame: Box) -> Table:
    table = _table(
        frame,
        "cores each",
        "replicas",
        "cores",
        "memory",
        "texts/s each, most",
        "p99",
        "CPU used",
        "burst, texts/s each",
    )
    for option in found:
        table.add_row(
            f"{option.cores}",
            f"{option.replicas:,}",
            f"{option.total_cores:,}",
            format_bytes(option.replicas * memory),
            f"{option.rate:,.0f}",
            f"{1000 * option.estimate.p99_s:.1f} ms",
            f"{option.estimate.used:.0%}",
            f"{option.peak * option.replicas:,.0f}",
            style="bold" if option is best else None,
        )
    return table


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _table(frame: Box, *columns: str) -> Table:
    table = Table(box=frame)
    for column in columns:
        table.add_column(column, justify="right")
    return table
