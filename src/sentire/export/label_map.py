"""What a foreign checkpoint's labels mean in the contract.

Reads:   the names of a checkpoint's labels, and what somebody said of them
Gives:   for each label of the contract, the columns that mean it
Never:   guesses: LABEL_0 means nothing until somebody says what
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sentire.errors import OptionError
from sentire.evaluation.datasets import DROP
from sentire.labels import POLARITY, label_of

_REMARK = re.compile(r"\s*[(（].*[)）]\s*$")
_STAR_FIRST = re.compile(r"^stars?[ _\-]*([1-5])$", re.IGNORECASE)


class LabelMap(NamedTuple):
    """Meaning of each column of a checkpoint's logits."""

    names: tuple[str, ...]
    """As the checkpoint calls them."""
    meanings: tuple[str | None, ...]
    """A label of the contract, ``-`` for one that is left out, None where nothing tells."""

    @property
    def unclear(self) -> list[str]:
        """Names that nobody has explained."""
        return [n for n, m in zip(self.names, self.meanings, strict=True) if m is None]

    @property
    def columns(self) -> dict[str, tuple[int, ...]]:
        """Label of the contract -> columns that mean it, in the contract's order."""
        found = {
            label: tuple(at for at, meaning in enumerate(self.meanings) if meaning == label)
            for label in POLARITY
        }
        return {label: columns for label, columns in found.items() if columns}

    def __str__(self) -> str:
        pairs = zip(self.names, self.meanings, strict=True)
        return ", ".join(f"{name} = {meaning or '?'}" for name, meaning in pairs)


def map_labels(names: Sequence[str], said: Mapping[str, str]) -> LabelMap:
    """Find out what each label means, by its name or by what was said.

    Parameters
    ----------
    names : of the checkpoint's labels, by column
    said : name -> label of the contract, or ``-``; wins over the name

    Raises
    ------
    OptionError
        ``said`` names a label that the checkpoint does not have or the contract does not know, or
        nothing is negative or nothing positive.

    Examples
    --------
    >>> str(map_labels(["1 star", "3 stars", "5 stars"], {}))
    '1 star = negative, 3 stars = neutral, 5 stars = positive'
    """
    allowed = (*POLARITY, DROP)
    for name, meaning in said.items():
        if name not in names:
            raise OptionError(
                f"--label {name}={meaning}: the checkpoint has no label {name!r}. "
                f"It has: {', '.join(names)}."
            )
        if meaning not in allowed:
            raise OptionError(
                f"--label {name}={meaning}: a label means one of {', '.join(POLARITY)}; "
                f"{DROP} leaves it out."
            )
    found = LabelMap(tuple(names), tuple(said.get(name) or _meaning(name) for name in names))
    missing = [label for label in ("negative", "positive") if label not in found.columns]
    if missing and not found.unclear:
        raise OptionError(
            f"the checkpoint says nothing about {' and '.join(missing)}: {found}. A model of "
            "sentiment tells at least negative from positive; correct it with --label."
        )
    return found


def _meaning(name: str) -> str | None:
    """What a name says by itself; "negative (stars 1, 2 and 3)" says negative."""
    bare = _REMARK.sub("", name)
    stars = _STAR_FIRST.match(bare)
    if stars:
        bare = f"{stars[1]} star" if stars[1] == "1" else f"{stars[1]} stars"
    return label_of(bare, head="polarity")
