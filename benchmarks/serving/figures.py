"""What was asked of the model service, beside what was measured.

Reads:   the records of a run
Gives:   lines of a table; a line whose measurements were left out is not there
Never:   measures
"""

import statistics
from collections.abc import Iterator
from typing import NamedTuple

from serving.measured import PeerRun, Results

CLIENTS = 64


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    value: str
    wanted: str
    held: bool


def figures_of(results: Results) -> list[Figure]:
    """All lines that the run has measurements for."""
    return [
        *_peak(results), *_batches(results), *_latency(results), *_memory(results),
        *_cold(results), *_swaps(results), *_failed(results),
    ]  # fmt: skip


def peak_of(results: Results) -> float:
    """Requests a second of sentire, one text each, 64 clients: the median of the rounds."""
    return statistics.median(load.per_s for load in results.peak)


def best_onnx_peer(results: Results) -> PeerRun | None:
    """The fastest peer that runs the very INT8 file on ONNX Runtime."""
    ran = [peer for peer in results.peers if peer.runs_onnx and CLIENTS in peer.loads]
    return max(ran, key=lambda peer: peer.loads[CLIENTS].per_s, default=None)


def _peak(results: Results) -> Iterator[Figure]:
    if not results.peak:
        return
    peak = peak_of(results)
    failed = sum(load.n_failed for load in results.peak)
    name = f"one text a request, {CLIENTS} clients"
    yield Figure(name, f"{peak:,.0f} requests/s, {failed} failed", "0 failed", failed == 0)
    flask = next((p for p in results.peers if p.name == "flask" and CLIENTS in p.loads), None)
    if flask is not None:
        yield _ratio(f"  of {flask.title}", peak / flask.loads[CLIENTS].per_s, 10, aim=20)
    best = best_onnx_peer(results)
    if best is not None:
        name = f"  of the best peer with the same file: {best.title}"
        yield _ratio(name, peak / best.loads[CLIENTS].per_s, 1.7, aim=2.5)
    if results.bare:
        pairs = zip(results.peak, results.bare, strict=True)
        ratio = statistics.median(load.per_s / bare for load, bare in pairs)
        yield _ratio("  of the bare engine", ratio, 0.70)


def _batches(results: Results) -> Iterator[Figure]:
    if not results.batches or not results.bare:
        return
    texts = statistics.median(32 * load.per_s for load in results.batches)
    yield Figure("32 texts a request", f"{texts:,.0f} texts/s", "", held=True)
    pairs = zip(results.batches, results.bare, strict=True)
    ratio = statistics.median(32 * load.per_s / bare for load, bare in pairs)
    yield _ratio("  of the bare engine", ratio, 0.80)


def _latency(results: Results) -> Iterator[Figure]:
    if results.lone is None or results.calls is None:
        return
    p50, call = results.lone.latency_ms["50"], results.calls.short_p50_ms
    limit = max(2.5, 3 * call)
    why = "2.5 ms" if limit == 2.5 else f"3 bare calls, {limit:.2f} ms"
    yield Figure("p50 of a lone short request", f"{p50:.2f} ms", f"<= {why}", p50 <= limit)
    if results.half is not None:
        p99 = results.half.latency_ms["99"]
        failed = results.half.n_failed
        yield Figure(
            "p99 at half of the peak load", f"{p99:.1f} ms, {p99 / p50:.1f} x, {failed} failed",
            "<= 5 x that p50", p99 <= 5 * p50 and failed == 0,
        )  # fmt: skip


def _memory(results: Results) -> Iterator[Figure]:
    if len(results.memory_mb) < 2:
        return
    (few, before), (many, after) = sorted(results.memory_mb.items())
    yield Figure(
        f"memory after {many:,} requests",
        f"{after:.0f} MB, {results.memory_failed} failed", "<= 400 MB",
        after <= 400 and results.memory_failed == 0,
    )  # fmt: skip
    growth = after / before - 1
    yield Figure(f"  beside {few:,} requests", f"{growth:+.1%}", "within 5 %", abs(growth) <= 0.05)


def _cold(results: Results) -> Iterator[Figure]:
    if results.cold_s:
        seconds = statistics.median(results.cold_s)
        yield Figure("cold start to ready", f"{seconds:.2f} s", "<= 2 s", seconds <= 2)


def _swaps(results: Results) -> Iterator[Figure]:
    if results.swaps is None:
        return
    n, failed = len(results.swaps.seconds), results.swaps.during.n_failed
    ratio = results.swaps.during.latency_ms["99"] / results.swaps.without.latency_ms["99"]
    name = f"hot swap under full load ({n} of them)"
    yield Figure(name, f"{failed} failed", "0 failed", failed == 0 and n > 0)
    yield Figure("  p99 beside the p99 without", f"{ratio:.2f} x", "<= 2 x", ratio <= 2)


def _failed(results: Results) -> Iterator[Figure]:
    for part, why in results.failed.items():
        yield Figure(f"{part} was not measured", why, "", held=False)


def _ratio(name: str, ratio: float, least: float, *, aim: float | None = None) -> Figure:
    wanted = f">= {least:g} x" if least >= 1 else f">= {least:.2f}"
    if aim is not None:
        wanted += f" (aim {aim:g} x)"
    value = f"{ratio:.1f} x" if least >= 5 else f"{ratio:.2f}{' x' if least >= 1 else ''}"
    return Figure(name, value, wanted, ratio >= least)
