"""Print a text with each sentence in the colour of its sentiment.

Needs sentire alone, without extras.

python colour_sentences.py "房间非常棒，但是服务态度太差了。"
"""

import sys

from rich.console import Console
from rich.text import Text

import sentire

STYLES = {"negative": "red", "neutral": "yellow", "positive": "green"}


def main(text: str) -> None:
    """Colour ``text`` by its sentences; ``start`` and ``end`` count its characters."""
    with sentire.load() as analyzer:
        prediction = analyzer.analyze(text, sentences=True)
    coloured = Text(text)
    for sentence in prediction.sentences:
        # The less sure the model is, the paler.
        strength = "bold" if sentence.score >= 0.7 else "dim"
        coloured.stylize(f"{strength} {STYLES[sentence.label]}", sentence.start, sentence.end)
    Console().print(coloured)
    Console().print(f"{prediction.label} {prediction.score:.2f}", highlight=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
