"""How well ``mixed`` finds texts that praise one thing and blame another.

Texts whose aspects were labelled one by one: those with a positive and a negative aspect should be
mixed, those with only one of the two should not. People labelled what the sets are about, not all
that a text says, so some texts that count as wrongly found do praise and blame.

    python benchmarks/mixed.py ../shared/data/aspect             precision, recall and F1
    python benchmarks/mixed.py ../shared/data/aspect --choose    thresholds, on the train files
"""

import argparse
import gzip
import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np

import sentire
from sentire.inference import disagreement

DEV = {"zh": ("Chinese_Zhang_aste.dev",), "en": ("MAMS.dev",)}
TRAIN = {
    "zh": ("Chinese_Zhang_aste.train",),
    "en": ("MAMS.train", "laptop14.train", "restaurant14.train", "restaurant16.train"),
}
N_CHOOSE = 4000
N_SAMPLES = 2000
GRID = (0.04, 0.06, 0.08, 0.10, 0.13, 0.16, 0.20, 0.30)


def read(folder: Path, names: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    """Texts with a positive or a negative aspect, and which have both."""
    polarities = defaultdict(set)
    for name in names:
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            for row in map(json.loads, file):
                labels = row["label"]
                polarities[row["text"]] |= {labels} if isinstance(labels, str) else set(labels)
    both = {"Positive", "Negative"}
    texts = [text for text, found in polarities.items() if found & both]
    return texts, np.array([polarities[text] >= both for text in texts])


def predict(analyzer: sentire.Analyzer, texts: list[str]) -> np.ndarray:
    return np.array([answer.mixed for answer in analyzer.analyze_many(texts, sentences=True)])


def figures(gold: np.ndarray, found: np.ndarray) -> np.ndarray:
    right = (gold & found).sum()
    precision, recall = right / max(1, found.sum()), right / max(1, gold.sum())
    return np.array([precision, recall, 2 * right / max(1, found.sum() + gold.sum())])


def measure(analyzer: sentire.Analyzer, folder: Path) -> None:
    """Print the figures on the dev files with 95 % bootstrap intervals."""
    generator = np.random.default_rng(1)
    for language, names in DEV.items():
        texts, gold = read(folder, names)
        found = predict(analyzer, texts)
        draws = generator.integers(len(gold), size=(N_SAMPLES, len(gold)))
        low, high = np.percentile(
            [figures(gold[draw], found[draw]) for draw in draws], (2.5, 97.5), axis=0
        )
        print(f"{language} {' '.join(names)}: {len(gold)} texts, {gold.sum()} mixed")
        for name, *values in zip(
            ("precision", "recall", "F1"), figures(gold, found), low, high, strict=True
        ):
            print(f"  {name:9} " + "{:5.1f}  ({:.1f} – {:.1f})".format(*np.multiply(values, 100)))


def choose(analyzer: sentire.Analyzer, folder: Path) -> None:
    """Print F1 on the train files for each threshold of a contrast."""
    data = {}
    for language, names in TRAIN.items():
        texts, gold = read(folder, names)
        some = random.Random(1).sample(range(len(texts)), min(N_CHOOSE, len(texts)))
        data[language] = [texts[at] for at in some], gold[some]
    print("threshold   precision, recall, F1 of " + ", ".join(data) + "; mean F1")
    for disagreement.CONTRAST in GRID:
        rows = [figures(gold, predict(analyzer, texts)) for texts, gold in data.values()]
        print(disagreement.CONTRAST, *(row.round(3) for row in rows), np.mean(rows, 0)[2].round(3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--choose", action="store_true")
    asked = parser.parse_args()
    with sentire.load() as analyzer:
        (choose if asked.choose else measure)(analyzer, asked.folder)


if __name__ == "__main__":
    main()
