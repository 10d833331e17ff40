"""Measure what the product promises, and print one table. ``make bench``

Every speed is a ratio against a baseline of the same run, or an absolute limit that is stated
beside it; figures are medians. ``--only NAME`` runs one part. The part ``service`` is the short
form, without peers, of ``service.py``, which takes a quarter of an hour and writes a report.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from corpus import write_hostile, write_texts
from process import run, sentire
from rich.console import Console
from rich.table import Table
from serving.figures import Figure

from service import brief


def startup(_: Path) -> list[Figure]:
    """Import, help, and the first answer from a cold process."""
    limits = (
        ("import sentire", [sys.executable, "-c", "import sentire"], 0.1),
        ("sentire --help", sentire("--help"), 0.4),
        ('sentire analyze "great"', sentire("analyze", "great"), 2.0),
    )
    bare = statistics.median(run([sys.executable, "-c", ""]).seconds for _ in range(5))
    figures = [Figure("python alone", f"{bare:.3f} s", "", held=True)]
    for name, command, limit in limits:
        seconds = statistics.median(run(command).seconds for _ in range(5))
        if name.startswith("import"):
            seconds -= bare
        figures.append(Figure(name, f"{seconds:.3f} s", f"<= {limit} s", held=seconds <= limit))
    return figures


def throughput(folder: Path, *, n: int = 20_000) -> list[Figure]:
    """``sentire analyze`` on a file against the bare engine, in turns."""
    source, output = folder / "texts.jsonl", folder / "scored.jsonl"
    write_texts(source, n)
    ratios, ours, bares = [], [], []
    for _ in range(3):
        bare = [sys.executable, str(Path(__file__).with_name("bare.py")), str(source)]
        bares.append(float(subprocess.run(bare, capture_output=True, check=True).stdout))
        ours.append(n / run(sentire("analyze", "-i", str(source), "-o", str(output))).seconds)
        ratios.append(ours[-1] / bares[-1])
    ratio = statistics.median(ratios)
    return [
        Figure("bare engine", f"{statistics.median(bares):.0f} texts/s", "", held=True),
        Figure("sentire analyze FILE", f"{statistics.median(ours):.0f} texts/s", "", held=True),
        Figure("  of the bare engine", f"{ratio:.2f}", ">= 0.80", held=ratio >= 0.80),
    ]


def memory(folder: Path) -> list[Figure]:
    """Peak memory on hostile rows, ten thousand and a hundred thousand."""
    figures, peaks = [], []
    for n in (10_000, 100_000):
        source, output = folder / f"hostile-{n}.jsonl", folder / "scored.jsonl"
        write_hostile(source, n)
        cost = run(sentire("analyze", "-i", str(source), "-o", str(output)))
        with output.open("rb") as lines:
            n_out = sum(1 for _ in lines)
        peaks.append(cost.peak_mb)
        held = n_out == n and cost.exit_code == 3 and (n > 10_000 or cost.peak_mb < 600)
        value = f"{n_out} out, exit {cost.exit_code}, {cost.peak_mb:.0f} MB"
        figures.append(Figure(f"{n} hostile rows", value, f"{n} out, 3, < 600 MB", held=held))
    growth = peaks[1] / peaks[0] - 1
    figures.append(Figure("  growth of the peak", f"{growth:+.1%}", "< 10 %", held=growth < 0.10))
    return figures


def learning(_: Path) -> list[Figure]:
    """Training against ``transformers.Trainer`` with its defaults, in turns."""
    script = str(Path(__file__).with_name("learning.py"))
    speeds: dict[str, list[float]] = {"theirs": [], "ours": []}
    for _turn in range(3):
        for name, found in speeds.items():
            done = subprocess.run([sys.executable, script, name], capture_output=True, check=True)
            found.append(float(done.stdout.split()[-1]))
    theirs, ours = (statistics.median(speeds[name]) for name in ("theirs", "ours"))
    pairs = zip(speeds["ours"], speeds["theirs"], strict=True)
    ratio = statistics.median(mine / other for mine, other in pairs)
    return [
        Figure("transformers.Trainer", f"{theirs:.0f} tokens/s", "", held=True),
        Figure("sentire train", f"{ours:.0f} tokens/s", "", held=True),
        Figure("  of transformers.Trainer", f"{ratio:.2f}", ">= 1.80", held=ratio >= 1.8),
    ]


def service(_: Path) -> list[Figure]:
    """The model service under load."""
    return brief()


PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "startup": startup,
    "throughput": throughput,
    "memory": memory,
    "learning": learning,
    "service": service,
}


def main() -> None:
    """Run the parts and print the table; exit 1 if a figure missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="run one part")
    args = parser.parse_args()
    table = Table("figure", "measured", "wanted", "")
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for name, part in PARTS.items():
            if args.only in {None, name}:
                figures += part(Path(folder))
    for figure in figures:
        table.add_row(figure.name, figure.value, figure.wanted, "" if figure.held else "MISSED")
    Console().print(table)
    sys.exit(0 if all(figure.held for figure in figures) else 1)


if __name__ == "__main__":
    main()
