"""``sentire models diff``: what another model would change."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sentire.bundle.manifest import Evaluation
    from sentire.cli.models_opening import Found
    from sentire.types import Prediction

_SHOWN = 20


_DIFF_EXAMPLES = """
\b
Examples:
  sentire models diff /models/shop@production /models/shop@1.2.0 --texts reviews.csv
  sentire models diff zh-en ./my-bundle   比较两个模型
"""


@click.command(epilog=_DIFF_EXAMPLES)
@click.argument("a")
@click.argument("b")
@click.option(
    "--texts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Sentences to ask both, of any input format.  [default: packaged sentences]",
)
@click.option("--engine", default="openvino", show_default=True, help="What runs the models.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def diff(a: str, b: str, texts: Path | None, engine: str, as_json: bool) -> None:
    """Compare two models: what they are, and what they answer.

    The figures are those that the bundles bear; the answers are asked for now.
    """
    import json

    from sentire.cli.models_opening import opened

    with opened(a) as one, opened(b) as other:
        found = {
            "a": _identity(one),
            "b": _identity(other),
            "figures": list(_figures(one, other)),
            "answers": _answers(one, other, _texts(texts, one, other), engine),
        }
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in _lines(found):
        click.echo(line)


def _identity(found: "Found") -> dict[str, Any]:
    manifest = found.manifest
    return {
        "name": found.info.name,
        "version": found.info.version,
        "digest": found.info.digest,
        "labels": {head: list(each.labels) for head, each in manifest.heads.items()},
        "languages": list(manifest.languages),
        "tokens": manifest.text.max_length,
        "bytes": sum(found.sizes.values()),
    }


def _figures(one: "Found", other: "Found") -> Iterator[dict[str, Any]]:
    """Figures on the same part of the same data; those of one model alone have one value."""

    def key(e: "Evaluation") -> tuple[str, str, str, str]:
        return e.data, e.head, e.split, e.metric

    left = {key(e): e for e in one.manifest.evaluation}
    right = {key(e): e for e in other.manifest.evaluation}
    for each in dict.fromkeys([*left, *right]):
        a, b = left.get(each), right.get(each)
        yield {
            "data": each[0],
            "head": each[1],
            "split": each[2],
            "metric": each[3],
            "a": None if a is None else a.value,
            "b": None if b is None else b.value,
        }


def _texts(file: Path | None, one: "Found", other: "Found") -> list[str]:
    from sentire.export.probes import calibration_texts
    from sentire.jobs.sources import read_texts

    given = [] if file is None else read_texts(file)
    if given:
        return given
    golden = [g.text for found in (one, other) for g in found.manifest.golden]
    languages = [*one.manifest.languages, *other.manifest.languages]
    return list(dict.fromkeys([*golden, *calibration_texts(languages)]))


def _answers(one: "Found", other: "Found", texts: Sequence[str], engine: str) -> dict[str, Any]:
    from sentire.types import Prediction

    left, right = (_asked(found, texts, engine) for found in (one, other))
    n, others = 0, []
    for a, b in zip(left, right, strict=True):
        if isinstance(a, Prediction) and isinstance(b, Prediction):
            n += 1
            if a.label != b.label:
                others.append({"text": a.text, "a": _said(a), "b": _said(b)})
    return {"texts": n, "differ": len(others), "disagreements": others}


def _said(prediction: "Prediction") -> dict[str, Any]:
    return {"label": prediction.label, "score": round(prediction.score, 3)}


def _asked(found: "Found", texts: Sequence[str], engine: str) -> list[Any]:
    """Answers of one model; one after the other, so that the memory of one is enough."""
    import sentire

    with _on_this_disk(found) as path, sentire.load(path, engine=engine) as analyzer:
        return list(analyzer.analyze_many(texts))


@contextmanager
def _on_this_disk(found: "Found") -> Iterator[Path]:
    from tempfile import TemporaryDirectory

    from sentire.registry.download import pull

    if found.path is not None:
        yield found.path
        return
    assert found.source is not None  # noqa: S101 - a model is here or elsewhere
    with TemporaryDirectory(prefix="sentire-") as folder:
        yield pull(found.source, Path(folder) / "bundle")


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from sentire.cli.tables import aligned

    a, b, answers = found["a"], found["b"], found["answers"]
    yield f"A  {a['name']} {a['version']}  {a['digest'][:19]}"
    yield f"B  {b['name']} {b['version']}  {b['digest'][:19]}"
    yield ""
    for head in dict.fromkeys([*a["labels"], *b["labels"]]):
        left, right = (" ".join(each["labels"].get(head, ["none"])) for each in (a, b))
        yield f"{head}: {left}" + ("" if left == right else f" -> {right}")
    for what in ("languages", "tokens"):
        left, right = (
            " ".join(each[what]) if what == "languages" else str(each[what]) for each in (a, b)
        )
        yield f"{what}: {left}" + ("" if left == right else f" -> {right}")
    left, right = (each["bytes"] / 1e6 for each in (a, b))
    yield f"size: {left:.1f} MB -> {right:.1f} MB"
    if found["figures"]:
        yield ""
        rows = [("data, %", "figure", "A", "B", "points")]
        for f in found["figures"]:
            values = ["" if v is None else f"{100 * v:.1f}" for v in (f["a"], f["b"])]
            both = f["a"] is not None and f["b"] is not None
            points = f"{100 * (f['b'] - f['a']):+.1f}" if both else ""
            rows.append((f"{f['data']}, {f['split']}", f["metric"], *values, points))
        yield from aligned(rows)
    yield ""
    yield f"{answers['differ']} of {answers['texts']} sentences get another label"
    for each in answers["disagreements"][:_SHOWN]:
        text = "".join(c if c.isprintable() else " " for c in each["text"])[:200]
        said = (f"{each[k]['label']} {each[k]['score']:.2f}" for k in "ab")
        yield f"  {' -> '.join(said)}  {text}"
    n_more = len(answers["disagreements"]) - _SHOWN
    if n_more > 0:
        yield f"  and {n_more} more; --json lists all"
