"""The report of a run: a table, plots, and what they rest on.

Reads:   the records of a run
Gives:   ``service.md``, ``throughput.svg``, ``latency.svg`` and ``service.json`` in a folder
Never:   touches what was written by hand between the marks of the page it replaces
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot

from serving.figures import CLIENTS, figures_of, peak_of
from serving.measured import Load, PeerRun, Results

PAGE, DATA = "service.md", "service.json"
_BEGIN, _END = "<!-- by hand -->", "<!-- /by hand -->"
_NOTHING_YET = "\nNothing was written here yet.\n"


def write(results: Results, folder: Path) -> None:
    """Write the page, the plots and the data."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE
    kept = _by_hand(page.read_text("utf-8")) if page.exists() else _NOTHING_YET
    data = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (folder / DATA).write_bytes(data + b"\n")
    with rc_context({"svg.hashsalt": "sentire"}):
        plot_throughput(results, folder / "throughput.svg")
        plot_latency(results, folder / "latency.svg")
    page.write_text("\n".join(_lines(results, kept)) + "\n", "utf-8")


def read(folder: Path) -> Results:
    """The records of the run that a folder reports."""
    return msgspec.json.decode((folder / DATA).read_bytes(), type=Results)


def _by_hand(page: str) -> str:
    found = re.search(f"{_BEGIN}(.*?){_END}", page, re.DOTALL)
    return found[1] if found else _NOTHING_YET


def _lines(results: Results, by_hand: str) -> Iterator[str]:
    yield from (
        "# The model service under load",
        "",
        f"Made by `python benchmarks/service.py` on {results.date}, "
        f"in {results.seconds_in_all / 60:.0f} minutes.",
        "",
        "| figure | asked | measured | verdict |",
        "|---|---|---|---|",
    )
    for figure in figures_of(results):
        name = figure.name.replace("  ", "… ", 1) if figure.name.startswith("  ") else figure.name
        verdict = ("reached" if figure.wanted else "") if figure.held else "**missed**"
        yield f"| {_safe(name)} | {figure.wanted} | {_safe(figure.value)} | {verdict} |"
    yield from ("", "## What bounds it", "", f"{_BEGIN}{by_hand}{_END}", "")
    yield from ("## Throughput and latency", "")
    yield from ("![Requests a second against clients](throughput.svg)", "")
    yield from ("![Latency by percentile](latency.svg)", "")
    yield from _ours(results)
    yield from _peers(results)
    yield from _ground(results)


def _ours(results: Results) -> Iterator[str]:
    yield from ("| sentire | requests/s | p50 | p90 | p99 | failed | generator, CPU |",)
    yield "|---|---:|---:|---:|---:|---:|---:|"
    if results.lone:
        yield _row("1 client, short texts", results.lone)
    for clients, load in sorted([*results.curve.items(), *_peak_entry(results)]):
        yield _row(f"{clients} client{'s' if clients > 1 else ''}", load)
    if results.half:
        yield _row("half of the peak, at random times", results.half)
    if results.batches:
        yield _row("8 clients, 32 texts a request", results.batches[-1])
    if results.swaps:
        yield _row(f"{CLIENTS} clients, model exchanged meanwhile", results.swaps.during)
    yield ""
    if results.bare:
        listed = ", ".join(f"{value:,.0f}" for value in results.bare)
        yield f"The bare engine, tokenized before, in sorted batches: {listed} texts/s."
    if results.calls:
        c = results.calls
        yield (
            f"Its calls one by one: {c.per_s:,.0f} texts/s, p50 {c.mix_p50_ms:.2f} ms, "
            f"p99 {c.mix_p99_ms:.2f} ms; short texts, p50 {c.short_p50_ms:.2f} ms."
        )
    if results.peak:
        listed = ", ".join(f"{load.per_s:,.0f}" for load in results.peak)
        yield f"sentire with {CLIENTS} clients, each round: {listed} requests/s."
    if results.swaps:
        listed = ", ".join(f"{s:.1f}" for s in results.swaps.seconds)
        yield f"Seconds that each exchange of the model took under load: {listed}."
    if results.cold_s:
        yield f"Cold starts: {', '.join(f'{s:.2f}' for s in results.cold_s)} s."
    yield ""


def _peak_entry(results: Results) -> list[tuple[int, Load]]:
    """The median of the rounds with 64 clients, as a point of the curve."""
    ordered = sorted(results.peak, key=lambda load: load.per_s)
    return [(CLIENTS, ordered[len(ordered) // 2])] if ordered else []


def _row(name: str, load: Load) -> str:
    p50, p90, p99 = (f"{load.latency_ms[point]:.1f} ms" for point in ("50", "90", "99"))
    cpu = f"{load.generator_cpu_s / load.seconds:.1%}"
    return f"| {name} | {load.per_s:,.0f} | {p50} | {p90} | {p99} | {load.n_failed} | {cpu} |"


def _peers(results: Results) -> Iterator[str]:
    if not results.peers:
        return
    yield from ("## Peers", "", "Each serves the same weights; requests of one text.", "")
    few = [f"{n} client{'s' if n > 1 else ''}" for n in (1, 8, CLIENTS)]
    yield f"| peer | {' | '.join(few)} | p50 | p99 | memory | same label | sentire beside it |"
    yield "|---|" + "---:|" * 8
    peak = peak_of(results) if results.peak else 0.0
    for peer in results.peers:
        if CLIENTS not in peer.loads:
            yield f"| {peer.title} | not run: {_safe(peer.error or '')} |  |  |  |  |  |  |  |"
            continue
        speeds = " | ".join(f"{peer.loads[n].per_s:,.0f}/s" for n in (1, 8, CLIENTS))
        load = peer.loads[CLIENTS]
        yield (
            f"| {peer.title} | {speeds} | {load.latency_ms['50']:.0f} ms "
            f"| {load.latency_ms['99']:.0f} ms | {peer.memory_mb:,.0f} MB "
            f"| {peer.agreement:.0%} | {peak / load.per_s:.1f} x |"
        )
    yield ""
    for peer in results.peers:
        runs = "the same INT8 file on ONNX Runtime" if peer.runs_onnx else "PyTorch"
        error = f" {_safe(peer.error)}." if peer.error and peer.loads else ""
        versions = peer.versions or "not installed"
        yield f"- {peer.title} ({versions}), {runs}: {peer.settings}.{error}"
    yield ""


def _ground(results: Results) -> Iterator[str]:
    about = results.texts
    yield from ("## What it rests on", "")
    yield from (f"- {name}: {value}" for name, value in results.machine.items())
    tokens = ", ".join(f"{count} at {point} %" for point, count in about["tokens"].items())
    yield (
        f"- Texts: {about['n']:,} from {about['from']}; {about['mean_tokens']} tokens on average, "
        f"{tokens}. {about['cut']:,} longer ones are cut to what the model reads at once, so that "
        "everybody does the same work; the test of memory takes them whole."
    )
    yield (
        "- Load: wrk with one thread, a process of its own, posting a different text each time; "
        "caches and access logs are off, except in the test of memory, which has the default "
        "settings. wrk can't send at a given rate, so half of the peak load comes from "
        "`benchmarks/serving/paced.py`: arrivals at random times, whether or not answers came."
    )
    if results.generator:
        g = results.generator
        yield (
            f"- The generator's own cost: {g.per_s:,.0f} requests/s from a server that does "
            f"nothing, at {1e6 * g.generator_cpu_s / g.n_requests:.0f} µs of CPU a request."
        )
    if results.half:
        yield f"- Paced requests left at most {results.half.late_ms:.2f} ms late (99th percentile)."
    yield "- Ratios to the bare engine are medians over rounds, each measured beside it."


def _safe(text: str) -> str:
    """As a cell of a table."""
    return " ".join(text.split()).replace("|", "/")[:300]


def plot_throughput(results: Results, path: Path) -> None:
    """Requests a second against the number of clients."""
    plot, axes = _axes("clients", "requests a second")
    ours = sorted([*results.curve.items(), *_peak_entry(results)])
    runs = [("sentire", ours, {"marker": "o", "lw": 2.5, "color": "C0"})]
    runs += [(p.title, sorted(p.loads.items()), {"marker": ".", **s}) for p, s in _ran(results)]
    for name, points, style in runs:
        axes.plot([n for n, _ in points], [x.per_s for _, x in points], label=name, **style)
    if results.bare:
        middle = sorted(results.bare)[len(results.bare) // 2]
        axes.axhline(middle, color="0.5", ls=":", label="bare engine, sorted batches")
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    _save(plot, axes, path)


def plot_latency(results: Results, path: Path) -> None:
    """Share of requests that were answered within a time, with 64 clients and at half load."""
    plot, axes = _axes("milliseconds", "% of requests answered")
    runs = [(f"sentire, {CLIENTS} clients", load, "-") for _, load in _peak_entry(results)]
    runs += [("sentire, half of its peak load", results.half, "--")] if results.half else []
    runs += [("sentire, 1 client, short texts", results.lone, ":")] if results.lone else []
    for name, load, dashes in runs:
        _distribution(axes, load, label=name, ls=dashes, lw=2.5, color="C0")
    for peer, style in _ran(results):
        name = f"{peer.title}, {CLIENTS} clients"
        _distribution(axes, peer.loads[CLIENTS], label=name, **style)
    axes.set_xscale("log")
    _save(plot, axes, path)


def _distribution(axes: Axes, load: Load, **style: Any) -> None:
    points = sorted((ms, float(point)) for point, ms in load.latency_ms.items())
    axes.plot([ms for ms, _ in points], [p for _, p in points], **style)


def _ran(results: Results) -> list[tuple[PeerRun, dict[str, Any]]]:
    """Peers that were measured, and their lines: dashed where they run PyTorch."""
    return [
        (peer, {"color": f"C{number}", "ls": "-" if peer.runs_onnx else "--", "lw": 1.2})
        for number, peer in enumerate(results.peers, 1)
        if CLIENTS in peer.loads
    ]


def _axes(x: str, y: str) -> tuple[Plot, Axes]:
    plot = Plot(figsize=(9, 4.5), layout="constrained")
    axes = plot.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, color="0.9")
    return plot, axes


def _save(plot: Plot, axes: Axes, path: Path) -> None:
    axes.xaxis.set_major_formatter("{x:g}")
    plot.legend(loc="outside right upper", fontsize=7)
    plot.savefig(path, format="svg", metadata={"Date": None})
