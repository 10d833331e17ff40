"""Find the answers that a person should look at: unsure, mixed, in another language, or none.

Needs sentire alone, without extras.

python find_doubtful.py lines.txt
"""

import sys
from pathlib import Path

import sentire


def main(source: str) -> None:
    """Print the doubtful lines, each with the reasons."""
    texts = Path(source).read_text(encoding="utf-8").splitlines()
    with sentire.load() as analyzer:
        for answer in analyzer.analyze_many(texts, sentences=True):
            if answer.error:
                reasons = [answer.error.code]
            else:
                reasons = [warning.code for warning in answer.warnings]
                reasons += ["mixed"] if answer.mixed else []
            if reasons:
                print(f"{', '.join(reasons)}: {answer.text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
