"""How right others are on the same texts: SnowNLP, cnsenti, VADER and TextBlob beside sentire.

    pip install -r benchmarks/baselines.txt
    python benchmarks/baselines.py DATA... [--json FILE] [--limit N] [--model M]

DATA are labelled files or a .toml that lists them, as for ``sentire evaluate``. Each peer is used
as its own pages show, on the sets of its language. It gives one score a text, which means:

========  =============================  ========  =================================================
peer      score                          positive  neutral, where a set has that label
========  =============================  ========  =================================================
SnowNLP   ``SnowNLP(text).sentiments``   > 0.5     0.4 to 0.6; its pages name no bounds, so ours
cnsenti   ``sentiment_count``: pos-neg   > 0       0: as many positive words as negative ones
VADER     ``compound``                   > 0       between -0.05 and 0.05, as its README says
TextBlob  ``sentiment.polarity``         > 0       0: no word of its lexicon counts
========  =============================  ========  =================================================

On sets of two labels a score that lies exactly between them goes, for the whole set, to whichever
label suits the peer better. A peer that fails is listed with its error. SnowNLP learned from
shopping reviews of the family of online_shopping and ChnSentiCorp, so its figures there flatter it.
"""

import argparse
import contextlib
import importlib
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

import sentire
from sentire.evaluation.assessment import outcomes_of
from sentire.evaluation.compare import compare
from sentire.evaluation.datasets import Dataset, LabelledSource, read_dataset
from sentire.evaluation.metrics import METRICS, Outcomes, measure
from sentire.evaluation.scores import Scored, score
from sentire.jobs.sources import ReadOptions, labelled_sources
from sentire.labels import POLARITY

SHOWN = ("accuracy", "macro_f1", "macro_recall")
NEGATIVE, NEUTRAL, POSITIVE = range(len(POLARITY))
Scorer = Callable[[str], float]


class Peer(NamedTuple):
    """Another library, and how its score is read."""

    name: str
    language: str
    open: Callable[[], Scorer]
    middle: float
    neutral: Callable[[np.ndarray], np.ndarray]
    """Which scores mean neutral."""


def snownlp() -> Scorer:
    """Naive Bayes over words, as ``SnowNLP(text).sentiments``."""
    read = importlib.import_module("snownlp").SnowNLP
    return lambda text: float(read(text).sentiments)


def cnsenti() -> Scorer:
    """Words of HowNet's lexicon, counted."""
    counted = importlib.import_module("cnsenti").Sentiment()

    def score(text: str) -> float:
        words = counted.sentiment_count(text)
        return float(words["pos"] - words["neg"])

    return score


def vader() -> Scorer:
    """A lexicon with rules, made for social media."""
    module = importlib.import_module("vaderSentiment.vaderSentiment")
    analyzer = module.SentimentIntensityAnalyzer()
    return lambda text: float(analyzer.polarity_scores(text)["compound"])


def textblob() -> Scorer:
    """The lexicon of Pattern, TextBlob's default."""
    read = importlib.import_module("textblob").TextBlob
    return lambda text: float(read(text).sentiment.polarity)


PEERS = (
    Peer("SnowNLP", "zh", snownlp, 0.5, lambda s: (s >= 0.4) & (s <= 0.6)),
    Peer("cnsenti", "zh", cnsenti, 0.0, lambda s: s == 0),
    Peer("VADER", "en", vader, 0.0, lambda s: np.abs(s) < 0.05),
    Peer("TextBlob", "en", textblob, 0.0, lambda s: s == 0),
)


def main() -> None:
    """Measure everybody and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", nargs="+", help="labelled files, or a .toml that lists them")
    parser.add_argument("--data-root", type=Path, help="where the files of a .toml lie")
    parser.add_argument("--model", help="a sentire model  [default: the built-in one]")
    parser.add_argument("--limit", type=int, default=0, help="texts of each set, drawn at random")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    args = parser.parse_args()
    datasets = read(args.data, args.data_root, args.limit)
    with sentire.load(args.model) as analyzer:
        name = f"sentire {analyzer.info.name} {analyzer.info.version}"
        began = time.perf_counter()
        ours = [score(analyzer, dataset) for dataset in datasets]
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    opened = {peer.name: open_peer(peer) for peer in PEERS}
    rows = [row for scored in ours for row in measure_set(scored, name, opened)]
    show(rows)
    if args.json is not None:
        args.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(data: Sequence[str], root: Path | None, limit: int) -> list[Dataset]:
    """The sets of the polarity head, cut to ``limit`` texts where it is above 0."""
    options: dict[str, Any] = {"data_root": root}
    datasets = [
        read_dataset(s)
        for s in labelled_sources(data, LabelledSource, ReadOptions(**options))
        if s.head == "polarity"
    ]
    return [
        d.take(np.sort(np.random.default_rng(7).permutation(len(d.texts))[: limit or None]))
        for d in datasets
    ]


def open_peer(peer: Peer) -> Scorer | str:
    """A peer ready to use, or why it is not."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return peer.open()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def measure_set(scored: Scored, name: str, opened: dict[str, Scorer | str]) -> list[dict[str, Any]]:
    """Figures of ours and of each peer of the set's language."""
    dataset = scored.dataset
    language = Counter(code for code in scored.languages if code in {"zh", "en"}).most_common(1)
    kept = np.flatnonzero(scored.answered)
    ours = outcomes_of(scored, kept)
    theirs = [peer for peer in PEERS if language and peer.language == language[0][0]]
    return [
        row_of(dataset, name, ours),
        *(measure_peer(dataset, peer, opened[peer.name], kept, ours) for peer in theirs),
    ]


def measure_peer(
    dataset: Dataset, peer: Peer, scorer: Scorer | str, kept: np.ndarray, ours: Outcomes
) -> dict[str, Any]:
    """Figures of a peer, and the test of ours against it on the same texts."""
    if isinstance(scorer, str):
        return {"data": dataset.name, "who": peer.name, "error": scorer}
    began = time.perf_counter()
    try:
        scores = np.array([scorer(dataset.texts[i]) for i in kept])
    except Exception as error:
        return {"data": dataset.name, "who": peer.name, "error": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - began
    theirs = max(
        (outcomes(dataset, kept, labels) for labels in readings(dataset, peer, scores)),
        key=lambda o: float(o.right.mean()),
    )
    row = row_of(dataset, peer.name, theirs)
    row["texts_per_s"] = round(len(kept) / seconds, 1)
    row["p_against_ours"] = compare(ours, theirs, {}).p_value
    return row


def readings(dataset: Dataset, peer: Peer, scores: np.ndarray) -> list[np.ndarray]:
    """Labels that the scores mean; two readings where what lies between has to go somewhere."""
    signs = np.where(scores > peer.middle, POSITIVE, NEGATIVE)
    if dataset.allowed[NEUTRAL]:
        return [np.where(peer.neutral(scores), NEUTRAL, signs)]
    return [np.where(scores == peer.middle, tie, signs) for tie in (POSITIVE, NEGATIVE)]


def outcomes(dataset: Dataset, kept: np.ndarray, labels: np.ndarray) -> Outcomes:
    """What was true and what a peer told, over the labels of the set."""
    allowed = np.asarray(dataset.allowed)
    held = (dataset.gold > 0)[kept]
    predicted = np.eye(len(POLARITY), dtype=np.bool_)[labels]
    right = held[np.arange(len(kept)), labels]
    return Outcomes(held[:, allowed], predicted[:, allowed], right)


def row_of(dataset: Dataset, who: str, found: Outcomes) -> dict[str, Any]:
    """One line of the table."""
    figures = measure(found, {name: METRICS[name] for name in SHOWN})
    return {
        "data": dataset.name,
        "who": who,
        "labels": int(dataset.allowed.sum()),
        "n": len(found),
        "figures": {name: msgspec.to_builtins(value) for name, value in figures.items()},
    }


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print the table, in per cent with 95 % intervals."""
    headings = ("data", "who", "labels", "texts", "accuracy", "macro-F1", "macro recall")
    table = Table(*headings, "texts/s", "p, ours")
    for row in rows:
        if "error" in row:
            table.add_row(row["data"], row["who"], "", "", Text(f"not run: {row['error']}"))
            continue
        cells = [
            f"{100 * f['value']:.1f} ({100 * f['low']:.1f} to {100 * f['high']:.1f})"
            for f in (row["figures"][name] for name in SHOWN)
        ]
        speed = f"{row['texts_per_s']:,.0f}" if "texts_per_s" in row else ""
        p = f"{row['p_against_ours']:.1g}" if "p_against_ours" in row else ""
        table.add_row(row["data"], row["who"], str(row["labels"]), str(row["n"]), *cells, speed, p)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
