"""Prove what a checkpoint's labels mean, with sentences that anybody would label the same.

Reads:   probabilities of a checkpoint's labels on the packaged probes
Gives:   a table of them, what contradicts a mapping, and a mapping to suggest
Never:   takes a mapping on trust, or makes one by itself
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from sentire.arrays import Probabilities
from sentire.errors import LabelsUnproven
from sentire.export.label_map import LabelMap
from sentire.export.probes import probes
from sentire.labels import POLARITY

AGREE = 0.75
"""Share of the clear sentences of a side that must be nearer to their own side than to the other.
Of 12, a coin reaches 9 on both sides in 1 of 190 cases."""


class ProbeResult(NamedTuple):
    """What a checkpoint said of the probes of one kind."""

    language: str
    kind: str
    """What the sentences are: negative, neutral or positive."""
    probabilities: Probabilities
    """Shape (n_sentences, n_names): probability of each of the checkpoint's labels."""


def probe(
    probabilities_of: Callable[[Sequence[str]], Probabilities], languages: Sequence[str]
) -> list[ProbeResult]:
    """Run the probes of some languages.

    Parameters
    ----------
    probabilities_of : texts -> float64 array of shape (n_texts, n_names), rows sum to 1
    """
    return [
        ProbeResult(language, kind, probabilities_of(probes(language, kind)))
        for language in languages
        for kind in POLARITY
    ]


def check_meaning(labels: LabelMap, probed: Sequence[ProbeResult]) -> None:
    """Refuse a mapping that is unclear, or that the probes contradict.

    Raises
    ------
    LabelsUnproven
    """
    table = table_of(labels, probed)
    if labels.unclear:
        options = suggest(labels, probed)
        hint = f"the probes suggest: {options}" if options else "the probes don't tell either."
        raise LabelsUnproven(
            f"the names of these labels don't say what they mean: {', '.join(labels.unclear)}. "
            f"Say it with --label, as the checkpoint's makers do; {hint}",
            table,
        )
    found = [line for language in _languages(probed) for line in _against(labels, probed, language)]
    if found:
        others = [code for code in _languages(probed) if not list(_against(labels, probed, code))]
        hint = (
            f" It holds in {others[0]}: if the checkpoint knows no other language, say "
            f"--languages {others[0]}."
            if others
            else " Say with --label what each label means, or choose another checkpoint."
        )
        raise LabelsUnproven(
            f"clear sentences contradict the labels ({labels}): {'; '.join(found)}.{hint}", table
        )


def suggest(labels: LabelMap, probed: Sequence[ProbeResult]) -> str:
    """Options that say of each unclear label what the probes make likely.

    Empty where that would contradict the probes in every language: they tell nothing then.
    """
    means = {
        kind: np.concatenate([p.probabilities for p in probed if p.kind == kind]).mean(axis=0)
        for kind in POLARITY
    }
    kinds = POLARITY if len(labels.names) > 2 else ("negative", "positive")
    likely = [
        meaning or max(kinds, key=lambda kind, at=at: float(means[kind][at]))
        for at, meaning in enumerate(labels.meanings)
    ]
    guess = labels._replace(meanings=tuple(likely))
    if {"negative", "positive"} - guess.columns.keys() or all(
        _against(guess, probed, language) for language in _languages(probed)
    ):
        return ""
    return " ".join(
        f"--label {_quoted(name, meaning)}"
        for name, meaning in zip(labels.names, likely, strict=True)
        if name in labels.unclear
    )


def table_of(labels: LabelMap, probed: Sequence[ProbeResult]) -> str:
    """Mean probability of each of the checkpoint's labels on each kind of sentence."""
    heading = ["sentences", *labels.names]
    rows = [
        [
            f"{p.language} {p.kind} ({len(p.probabilities)})",
            *(f"{m:.2f}" for m in p.probabilities.mean(axis=0)),
        ]
        for p in probed
    ]
    widths = [max(map(cell_len, column)) for column in zip(heading, *rows, strict=True)]
    lines = []
    for row in (heading, *rows):
        room = [" " * (w - cell_len(cell)) for w, cell in zip(widths, row, strict=True)]
        cells = [space + cell for space, cell in zip(room[1:], row[1:], strict=True)]
        lines.append("  ".join([row[0] + room[0], *cells]).rstrip())
    return "\n".join(lines)


def _against(labels: LabelMap, probed: Sequence[ProbeResult], language: str) -> list[str]:
    """What speaks against a mapping in one language."""
    kinds = {p.kind: _merged(labels, p.probabilities) for p in probed if p.language == language}
    found = []
    for side, other in (("negative", "positive"), ("positive", "negative")):
        nearer = kinds[side][side] > kinds[side][other]
        if nearer.mean() < AGREE:
            found.append(
                f"of {len(nearer)} {side} sentences in {language} only {int(nearer.sum())} are "
                f"nearer to {side} than to {other}"
            )
    if "neutral" in labels.columns:
        means = {
            kind: float(probabilities["neutral"].mean()) for kind, probabilities in kinds.items()
        }
        highest = max(means, key=means.__getitem__)
        if highest != "neutral":
            found.append(
                f"in {language}, neutral is more probable on {highest} sentences "
                f"({means[highest]:.2f}) than on neutral ones ({means['neutral']:.2f})"
            )
    return found


def _merged(labels: LabelMap, probabilities: Probabilities) -> dict[str, npt.NDArray[np.float64]]:
    return {
        label: probabilities[:, list(columns)].sum(axis=1)
        for label, columns in labels.columns.items()
    }


def _languages(probed: Sequence[ProbeResult]) -> list[str]:
    return list(dict.fromkeys(p.language for p in probed))


def _quoted(name: str, meaning: str) -> str:
    pair = f"{name}={meaning}"
    return f'"{pair}"' if " " in pair else pair
