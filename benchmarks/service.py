"""The model service under load, beside its peers, in one run; about 14 minutes on two cores.

    python benchmarks/service.py                                  everything, and docs/benchmarks/
    python benchmarks/service.py --texts FILE.jsonl.gz ...        with texts of your own
    python benchmarks/service.py --only peak --only lone          some parts; prints, writes nothing
    python benchmarks/service.py --only peak --peer flask         our peak, and one peer
    python benchmarks/service.py --redraw                         the report anew, from its data

Needs wrk, and what ``make test`` installs. Peers get virtual environments under ``.bench/``, made
at the first run, which takes some minutes more; ``--install`` does nothing else. A peer that fails
is listed with its error. Ctrl-C ends every process that was started, and what was
measured until then is printed.
"""

import argparse
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table
from serving.figures import Figure, figures_of
from serving.measured import Results
from serving.parts import Bench
from serving.peers import PEERS, Peer
from serving.processes import nothing_left
from serving.texts import read_texts

from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_bundle
from sentire.threads import available_threads
from serving import contest, exchange, load, parts, report

ROOT = Path(__file__).parents[1]
PARTS = ("generator", "calls", "peak", "batches", "lone", "half", "curve", "memory", "cold", "swap")
ROUNDS = 3
BRIEF = frozenset({"calls", "peak", "batches", "lone", "half", "cold", "swap"})


class Plan:
    """What is measured, in which order.

    Parameters
    ----------
    wanted : names of :data:`PARTS`
    peers : which ones
    rounds : how often the ratios to the bare engine are taken
    n_memory : requests of the part ``memory``
    """

    def __init__(
        self, wanted: frozenset[str], peers: Sequence[Peer], *, rounds: int, n_memory: int
    ) -> None:
        # A ratio needs what it is a ratio to, and half of a peak needs the peak.
        self._wanted = set(wanted)
        if "half" in wanted:
            self._wanted |= {"peak", "lone"}
        if peers:
            self._wanted.add("peak")
        self._peers, self._rounds, self._n_memory = peers, rounds, n_memory

    def run(self, bench: Bench, cache: Path, *, may_install: bool) -> None:
        """Measure; parts and peers that fail are told, and the rest goes on."""
        weights = contest.prepare(bench, self._peers, cache, may_install=may_install)
        labels: dict[str, str] = {}
        if "generator" in self._wanted:
            _try(bench, "generator", lambda: parts.generator(bench))
        if "calls" in self._wanted or "lone" in self._wanted:
            _try(bench, "bare engine, one by one", lambda: parts.calls(bench))
        # Peers stand between the rounds of ours, so that a machine that gets slower or faster on
        # the way does so for everybody.
        share = -(-len(self._peers) // max(1, self._rounds - 1))
        for number in range(self._rounds):
            _try(bench, f"round {number + 1}", lambda n=number: self._round(bench, n, labels))
            for peer in self._peers[number * share : (number + 1) * share]:
                _say(peer.title)
                found = contest.compete(bench, peer, cache=cache, weights=weights, labels=labels)
                bench.results.peers.append(found)
                if found.error is not None:
                    _say(f"  {found.error}")
        later: dict[str, Callable[[], None]] = {
            "cold": lambda: parts.cold(bench),
            "swap": lambda: exchange.swap(bench),
            "memory": lambda: parts.memory(bench, self._n_memory),
        }
        for name, part in later.items():
            if name in self._wanted:
                _try(bench, name, part)

    def _round(self, bench: Bench, number: int, labels: dict[str, str]) -> None:
        """The bare engine, and our service right after it."""
        wanted = self._wanted
        if not wanted & {"peak", "batches", "lone", "half", "curve"}:
            return
        results, ratios = bench.results, bool(wanted & {"peak", "batches"})
        bare = parts.bare(bench) if ratios else 0.0
        with bench.serve() as server:
            bench.warm(server)
            if not labels:
                labels.update(contest.labels_of(bench, server))
            peak = parts.peak(bench, server) if "peak" in wanted else None
            batches = parts.batches(bench, server) if "batches" in wanted else None
            # Only whole rounds count, so that each ratio has both of its sides from one round.
            results.bare += [bare] if ratios else []
            results.peak += [peak] if peak else []
            results.batches += [batches] if batches else []
            for name, part in (("lone", parts.lone), ("half", parts.half), ("curve", parts.curve)):
                if name in wanted and number == 0:
                    _try(bench, name, lambda part=part: part(bench, server))


def _try(bench: Bench, name: str, part: Callable[[], None]) -> None:
    """Measure a part; if that fails, note why and go on."""
    _say(name)
    try:
        part()
    except Exception as error:
        bench.results.failed[name] = f"{type(error).__name__}: {error}"
        _say(f"  failed: {bench.results.failed[name]}")


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr)


def measure(
    plan: Plan,
    folder: Path,
    *,
    texts: Sequence[Path] = (),
    model: str | None = None,
    seconds: float = 8.0,
    options: Sequence[str] = (),
    cache: Path = ROOT / ".bench",
    may_install: bool = True,
) -> Results:
    """Run a plan.

    Raises
    ------
    SystemExit
        The load generator is not installed.
    """
    if not load.have_generator():
        sys.exit(load.MISSING)
    began = time.perf_counter()
    bundle = read_bundle(find_bundle(model).resolve())
    _say("texts")
    read = read_texts(texts, bundle.text_path)
    results = Results(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), machine={}, texts=read.about
    )
    results.machine |= describe(f"{bundle.info.name} {bundle.info.version} ({bundle.info.digest})")
    if options:
        results.machine["options of serve-model"] = shlex.join(options)
    bench = Bench(bundle, read, folder, seconds, options, results)
    try:
        plan.run(bench, cache, may_install=may_install)
    except KeyboardInterrupt:
        results.interrupted = True
    results.seconds_in_all = time.perf_counter() - began
    return results


def describe(model: str) -> dict[str, str]:
    """The machine and the versions of what runs on it."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
        if line.startswith("model name")
    ]
    packages = ("sentire", "openvino", "uvicorn", "uvloop", "httptools", "tokenizers", "numpy")
    return {
        "processor": f"{names[0] if names else platform.machine()}, {available_threads()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "model": model,
        "load before the run": f"{psutil.getloadavg()[0]:.2f}",
    }


def brief() -> list[Figure]:
    """The figures that need no peer and no hour, for ``run.py``; a minute and a half."""
    with tempfile.TemporaryDirectory() as folder, nothing_left():
        plan = Plan(BRIEF, (), rounds=1, n_memory=0)
        results = measure(plan, Path(folder), seconds=5.0)
        if results.interrupted:
            raise KeyboardInterrupt
        return figures_of(results)


def main() -> None:
    """Measure, print the table, write the report; exit 1 if a figure missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", action="append", choices=PARTS, help="a part; may be given several times")
    add("--peer", action="append", choices=[p.name for p in PEERS], help="a peer; likewise")
    add("--no-peers", action="store_true", help="our own service alone")
    add("--texts", nargs="+", type=Path, default=[], help="JSON Lines with a field text, or .gz")
    add("--model", help="a model  [default: the built-in one]")
    add("--seconds", type=float, default=8.0, help="of each main measurement  [default: 8]")
    add("--rounds", type=int, default=ROUNDS, help=f"of ours beside bare  [default: {ROUNDS}]")
    add("--requests", type=int, default=100_000, help="of the part memory  [default: 100000]")
    add("--serve", default="", metavar="OPTIONS", help="further options of sentire serve-model")
    add("--cache", type=Path, default=ROOT / ".bench", help="environments of the peers")
    add("--install", action="store_true", help="make the environments, and measure nothing")
    add("--no-install", action="store_true", help="only peers whose environments are there")
    add("--out", type=Path, help="where the report goes  [default: docs/benchmarks, if all ran]")
    add("--redraw", action="store_true", help="write the report anew from its data")
    args = parser.parse_args()
    whole = not (args.only or args.peer or args.no_peers)
    out = args.out or (ROOT / "docs" / "benchmarks" if whole or args.redraw else None)
    if args.redraw:
        report.write(report.read(out), out)
        return
    peers = [p for p in PEERS if args.peer is None or p.name in args.peer]
    if args.no_peers or (args.only and not args.peer):
        peers = []
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, nothing_left():
            if args.install:
                contest.install_all(peers, args.cache.resolve())
                return
            plan = Plan(
                frozenset(args.only or (PARTS if not args.peer else ())), peers,
                rounds=args.rounds, n_memory=args.requests,
            )  # fmt: skip
            results = measure(
                plan, Path(folder), texts=args.texts, model=args.model, seconds=args.seconds,
                options=shlex.split(args.serve), cache=args.cache.resolve(),
                may_install=not args.no_install,
            )  # fmt: skip
    except KeyboardInterrupt:
        sys.exit(130)
    figures = figures_of(results)
    show(figures, results)
    if results.interrupted:
        sys.exit(130)
    if out is not None:
        report.write(results, out)
        print(f"written to {out}", file=sys.stderr)
    sys.exit(0 if all(figure.held for figure in figures) else 1)


def show(figures: Sequence[Figure], results: Results) -> None:
    """Print what the report says in its tables."""
    table = Table("figure", "measured", "wanted", "")
    for figure in figures:
        table.add_row(figure.name, figure.value, figure.wanted, "" if figure.held else "MISSED")
    console = Console()
    console.print(table)
    for peer in results.peers:
        found = ", ".join(f"{n} clients {x.per_s:.0f}/s" for n, x in peer.loads.items())
        console.print(
            f"{peer.title}: {found}{'; ' if found and peer.error else ''}{peer.error or ''}"
        )
    console.print(f"{results.seconds_in_all:.0f} s in all")


if __name__ == "__main__":
    main()
