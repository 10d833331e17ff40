"""Score the reviews of a CSV file and say how many there are of each label.

Needs sentire alone, without extras.

python score_csv.py reviews.csv scored.csv
"""

import csv
import sys
from collections import Counter
from pathlib import Path

import sentire


def main(source: str, target: str) -> None:
    """Write ``source`` with three more columns to ``target``."""
    with Path(source).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    counts: Counter[str] = Counter()
    with (
        sentire.load() as analyzer,
        Path(target).open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, [*rows[0], "label", "score", "error"])
        writer.writeheader()
        answers = analyzer.analyze_many(row["text"] for row in rows)
        for row, answer in zip(rows, answers, strict=True):
            if answer.error:
                writer.writerow({**row, "error": answer.error.code})
                counts[answer.error.code] += 1
            else:
                writer.writerow({**row, "label": answer.label, "score": answer.score})
                counts[answer.label] += 1
    print(dict(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
