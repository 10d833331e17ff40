"""Answers as lines a person reads, in any number, on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from sentire.io.checkpoint import Tally
from sentire.io.rows import Row
from sentire.types import Answer, Prediction

_STYLES = {"positive": "green", "neutral": "yellow", "negative": "red", "error": "bold red"}
_LABEL, _SCORE, _LANGUAGE, _EMOTION = 10, 7, 5, 10


class TerminalTable:
    """A sink that prints. Texts are cut at the edge of the screen; nothing in them is obeyed."""

    checkpoint = None
    notes = ()
    due = False

    def __init__(self, *, emotion: bool) -> None:
        self._console = Console(highlight=False, soft_wrap=False)
        self._emotion = emotion
        self._n_rows = 0

    def write(self, row: Row, answer: Answer) -> None:  # noqa: ARG002 - a sink's signature
        """Print a row, and its sentences under it."""
        if not self._n_rows:
            self._line([("label", _LABEL), ("score", _SCORE), ("lang", _LANGUAGE)], "text", "bold")
        self._n_rows += 1
        if not isinstance(answer, Prediction):
            message = f"{answer.error.code}: {answer.error.message}"
            self._line([("error", _LABEL), ("", _SCORE), ("", _LANGUAGE)], message, "error")
            return
        cells = [
            (answer.label, _LABEL),
            (f"{answer.score:.2f}", _SCORE),
            (answer.language.code, _LANGUAGE),
        ]
        emotion = answer.emotion.label if answer.emotion else ""
        self._line(cells, answer.text, answer.label, emotion)
        notes = ["mixed"] if answer.mixed else []
        notes += [warning.code for warning in answer.warnings]
        if notes:
            self._line([("", _LABEL), ("", _SCORE), ("", _LANGUAGE)], " ".join(notes), "dim")
        sentences = answer.sentences or []
        for sentence in sentences if len(sentences) > 1 else []:
            cells = [
                ("· " + sentence.label, _LABEL),
                (f"{sentence.score:.2f}", _SCORE),
                ("", _LANGUAGE),
            ]
            self._line(cells, answer.text[sentence.start : sentence.end], sentence.label)

    def commit(self, tally: Tally, digest: str) -> None:
        """Nothing to do: what was printed is printed."""

    def finish(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def _line(
        self, cells: Sequence[tuple[str, int]], text: str, label: str, emotion: str = ""
    ) -> None:
        style = _STYLES.get(label, label)
        line = Text()
        for at, (cell, width) in enumerate(cells):
            line.append(cell.ljust(width + 1), style=style if at == 0 else "")
        if self._emotion:
            line.append(("emotion" if label == "bold" else emotion).ljust(_EMOTION))
        width = max(20, self._console.width)
        # Bound the work for a very long text before characters are looked at one by one.
        line.append("".join(c if c.isprintable() else " " for c in text[: 2 * width]))
        if label in {"bold", "dim"}:
            line.stylize(label)
        if label != "error":
            line.truncate(width, overflow="ellipsis")
        self._console.print(line, no_wrap=label != "error", crop=label != "error")
