"""Score any number of lines in constant memory, and print them with their labels as they are ready.

Needs sentire alone, without extras.

zcat comments.txt.gz | python stream_lines.py
"""

import sys
from collections.abc import Iterator

import sentire


def comments() -> Iterator[str]:
    """Lines of standard input, one by one; it could as well be the rows of a cursor."""
    for line in sys.stdin:
        yield line.strip()


def main() -> None:
    """Print a label in front of each line."""
    with sentire.load() as analyzer:
        # Give it the whole iterable: it reads a few hundred texts ahead and batches by itself.
        for answer in analyzer.analyze_many(comments()):
            print(answer.error.code if answer.error else answer.label, answer.text, sep="\t")


if __name__ == "__main__":
    main()
