"""Write ``report.md``: what was asked of zh-en, and what was measured.

    sentire evaluate zh-en recipes/zh-en/dev.toml --data-root DATA --behaviour --json evaluated.json
    python benchmarks/baselines.py recipes/zh-en/dev.toml --data-root DATA --json baselines.json
    python recipes/zh-en/report.py DATA evaluated.json baselines.json

Exits with 1 where a gate of ``gates.toml`` is missed; the report is written all the same.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

import sentire
from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import Evaluation, Manifest
from sentire.bundle.store import read_manifest
from sentire.evaluation.fewshot import few_shot
from sentire.evaluation.metrics import Interval
from sentire.evaluation.results import BehaviourResult, Report, SetResult
from sentire.io.inputs import open_input

HERE = Path(__file__).parent
GATES: Mapping[str, Any] = tomllib.loads((HERE / "gates.toml").read_text(encoding="utf-8"))


class Asked(NamedTuple):
    """One line of the first table."""

    what: str
    asked: str
    measured: str
    holds: bool


def main() -> int:
    """Hold the figures against the gates and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data_root", type=Path, help="where the files of gates.toml lie")
    parser.add_argument("evaluated", type=Path, help="what sentire evaluate --json wrote")
    parser.add_argument("baselines", type=Path, help="what benchmarks/baselines.py --json wrote")
    parser.add_argument("--elsewhere", type=Path, help="the same of elsewhere.toml")
    parser.add_argument("--model", default="zh-en")
    parser.add_argument("--output", type=Path, default=HERE / "report.md")
    args = parser.parse_args()
    folder = find_bundle(args.model)
    manifest, info = read_manifest(folder)
    report = read_report(args.evaluated, info.digest)
    elsewhere = read_report(args.elsewhere, info.digest) if args.elsewhere else None
    size = sum(file.stat().st_size for file in folder.iterdir())
    asked = [
        *of_sets(manifest),
        of_topics(args.model, args.data_root),
        *of_calibration(report, manifest.languages),
        *of_int8(manifest),
        Asked("size", f"≤ {GATES['most_bytes'] / 1e6:g} MB", f"{size / 1e6:.1f} MB",
              size <= GATES["most_bytes"]),
    ]  # fmt: skip
    baselines = json.loads(args.baselines.read_text(encoding="utf-8"))
    args.output.write_text(
        "\n".join(page(manifest, report, elsewhere, asked, baselines)) + "\n", encoding="utf-8"
    )
    for line in asked:
        print(f"{'holds ' if line.holds else 'MISSED'} {line.what}: {line.measured} ({line.asked})")
    return 0 if all(line.holds for line in asked) else 1


def read_report(file: Path, digest: str) -> Report:
    """What ``sentire evaluate`` wrote about this very model."""
    report = msgspec.json.decode(file.read_bytes(), type=Report)
    if report.model.digest != digest:
        sys.exit(f"{file} is about {report.model.digest}, not {digest}")
    return report


def of_sets(manifest: Manifest) -> Iterator[Asked]:
    """The figures that the bundle states, each with its gate."""
    stated = {record.data: record for record in manifest.evaluation}
    for name, least in GATES["at_least"].items():
        found = stated[name]
        yield Asked(
            f"{name}, {found.metric.replace('_', ' ')}",
            f"≥ {100 * least:.1f}",
            percent(found),
            found.value >= least,
        )


def of_topics(model: str, data_root: Path) -> Asked:
    """What the embedding knows of topics."""
    wanted = GATES["topics"]
    with open_input(data_root / wanted["file"]) as rows:
        read = [(row.text, str(row.fields[wanted["column"]])) for row in rows if row.error is None]
    with sentire.load(model) as analyzer:
        vectors = np.stack([*analyzer.embed_many([text for text, _ in read])])
    found = few_shot(vectors, [category for _, category in read], n_each=wanted["n_each"])
    what = f"online_shopping, categories from {wanted['n_each']} examples each, accuracy"
    return Asked(
        what, f"≥ {100 * wanted['at_least']:.1f}", percent(found), found.value >= wanted["at_least"]
    )


def of_calibration(report: Report, languages: Sequence[str]) -> Iterator[Asked]:
    """Expected calibration error of each head and language over all its sets."""
    most = GATES["most_calibration_error"]
    for head in report.together:
        for found in head.calibration:
            if found.language in languages:
                yield Asked(
                    f"calibration error, {head.head}, {found.language}",
                    f"≤ {most}",
                    f"{found.error:.3f}",
                    found.error <= most,
                )


def of_int8(manifest: Manifest) -> Iterator[Asked]:
    """What INT8 costs, as the bundle's own records say."""
    known = {training.name: training.language for training in manifest.training}
    losses: dict[str, list[tuple[float, str]]] = {}
    for record in manifest.evaluation:
        language = known.get(record.data) or record.data.rpartition("_")[2]
        losses.setdefault(language, []).append((100 * (record.fp32 - record.value), record.data))
    for language, found in losses.items():
        mean = float(np.mean([points for points, _ in found]))
        most = GATES["most_language_points"]
        yield Asked(f"INT8, mean of {language}", f"≥ -{most}", f"{-mean:+.2f}", mean <= most)
    worst, name = max(each for found in losses.values() for each in found)
    most = GATES["most_set_points"]
    yield Asked("INT8, worst set", f"≥ -{most}", f"{-worst:+.2f} ({name})", worst <= most)


def page(
    manifest: Manifest,
    report: Report,
    elsewhere: Report | None,
    asked: Sequence[Asked],
    baselines: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """The report's lines."""
    yield f"# {manifest.name} {manifest.version}: what was measured\n"
    yield (
        f"Written by `report.py`. Bundle `{report.model.digest}`, measured {report.made[:10]} with "
        f"sentire {report.sentire} on {report.engine}: the served INT8 graph, development files, "
        "figures in per cent with their 95 % intervals.\n"
    )
    yield "## Asked and measured\n"
    yield from table(
        ("figure", "asked", "measured", ""),
        ((a.what, a.asked, a.measured, "" if a.holds else "missed") for a in asked),
    )
    yield "## Every development set\n"
    yield from table(
        ("set", "head", "texts", "accuracy", "macro-F1", "macro recall", "FP32, stated figure"),
        (
            (s.data, s.head, f"{s.n:,}", *shown(s), f"{100 * stated.fp32:.1f} {stated.metric}")
            for s, stated in zip(report.sets, manifest.evaluation, strict=True)
        ),
    )
    if elsewhere is not None:
        yield "## On ground it never learned\n"
        yield "Everyday dialogues, nearly nine of ten lines without an emotion.\n"
        yield from table(
            ("set", "texts", "accuracy", "macro-F1", "macro recall"),
            ((s.data, f"{s.n:,}", *shown(s)) for s in elsewhere.sets),
        )
        errors = [
            f"{found.language} {found.error:.3f}"
            for head in elsewhere.together
            for found in head.calibration
            if found.language in manifest.languages
        ]
        yield f"Calibration error there: {', '.join(errors)}.\n"
    yield "## Others on the same texts\n"
    yield (
        "Accuracy; how each peer's score is read stands in `benchmarks/baselines.py`. SnowNLP "
        "learned from reviews of the family of online_shopping and ChnSentiCorp.\n"
    )
    yield from others(baselines)
    if report.behaviour is not None:
        yield from behaviour(report.behaviour)
    yield "## INT8\n"
    found = manifest.quantization
    if found is not None:
        kept = ", ".join(layer.name for layer in found.kept) or "none"
        yield (
            f"{found.layers - len(found.kept)} of {found.layers} layers; kept in FP32: {kept}. "
            f"{found.fp32_bytes / 1e6:.1f} MB became {found.int8_bytes / 1e6:.1f} MB. OpenVINO and "
            f"ONNX Runtime differ by at most {found.engines:.3f} in a probability."
        )


def shown(found: SetResult) -> list[str]:
    """The three figures of a set."""
    return [percent(found.figures[name]) for name in ("accuracy", "macro_f1", "macro_recall")]


def others(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Ours and the peers', a line for each set."""
    who = list(
        dict.fromkeys("sentire" if r["who"].startswith("sentire") else r["who"] for r in rows)
    )
    sets: dict[str, dict[str, str]] = {}
    for row in rows:
        name = "sentire" if row["who"].startswith("sentire") else row["who"]
        cell = f"not run: {row['error']}" if "error" in row else ""
        if not cell:
            cell = percent(msgspec.convert(row["figures"]["accuracy"], Interval))
        sets.setdefault(row["data"], {})[name] = cell
    yield from table(
        ("set", *who),
        ((name, *(cells.get(each, "") for each in who)) for name, cells in sets.items()),
    )


def behaviour(found: BehaviourResult) -> Iterator[str]:
    """Pass rates of our own sentences."""
    yield "## Behaviour\n"
    yield (
        f"Our own sentences, `sentire evaluate {{model}} --behaviour`: {found.passed} of {found.n} "
        "checks hold.\n".replace("{model}", "zh-en")
    )
    cells: dict[str, dict[str, str]] = {}
    for each in found.capabilities:
        share = f"{each.passed} of {each.n} ({100 * each.passed / each.n:.0f} %)"
        cells.setdefault(each.capability, {})[each.language] = share
    languages = sorted({each.language for each in found.capabilities}, reverse=True)
    yield from table(
        ("capability", *languages),
        ((name, *(row.get(code, "") for code in languages)) for name, row in cells.items()),
    )


def percent(found: Interval | Evaluation) -> str:
    """A figure with its interval."""
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def table(heading: Sequence[str], rows: Any) -> Iterator[str]:
    """A table in Markdown, and an empty line."""
    yield f"| {' | '.join(heading)} |"
    yield f"|{'---|' * len(heading)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
