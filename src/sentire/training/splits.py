"""Hold a part of the texts back.

Reads:   a labelled data set
Gives:   a part to learn from and a part to be judged by
Never:   puts two copies of a text, or two rows of a group, on both sides
"""

import numpy as np

from sentire.errors import SourceError
from sentire.evaluation.datasets import Dataset
from sentire.training.mixture import text_key

_FEWEST = 20
"""Texts held back at least, for a figure that says anything."""


def split(data: Dataset, *, share: float, seed: int = 7) -> tuple[Dataset, Dataset]:
    """Split a data set, each class by the same share as far as groups allow.

    Copies of a text are one group; so are the rows that a group column joins.

    Parameters
    ----------
    data : Dataset
    share : float
        Part of the rows to hold back, between 0 and 1.
    seed : int
        Decides which rows those are.

    Returns
    -------
    (rest, held back)

    Raises
    ------
    SourceError
        There are too few rows, or so few groups that nothing can be held back.
    """
    groups = _groups(data)
    wanted = max(_FEWEST, round(share * len(data.texts)))
    if len(data.texts) < 2 * wanted:
        raise SourceError(
            f"{data.name} has {len(data.texts)} labelled rows; at least {2 * wanted} are needed to "
            f"hold {wanted} back. Add rows, or name a file of development texts with --dev."
        )
    classes = data.gold.argmax(axis=1)
    missing = np.bincount(classes, minlength=data.gold.shape[1]) * (wanted / len(classes))
    held = np.zeros(len(classes), np.bool_)
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    members = _members(groups)
    for group in order:
        counts = np.bincount(classes[members[group]], minlength=len(missing))
        # Taken only as long as every class in it still has room.
        if (counts <= np.ceil(missing)).all():
            held[members[group]] = True
            missing -= counts
    if not held.any() or held.all():
        raise SourceError(
            f"{data.name} has groups too large to hold any back. Name a file of development texts "
            "with --dev, or another --group-column."
        )
    return data.take(np.flatnonzero(~held)), data.take(np.flatnonzero(held))


def _groups(data: Dataset) -> np.ndarray:
    """Number of each row's group, shape (n_texts,): copies and named groups, joined."""
    parents = list(range(len(data.texts)))

    def find(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first: dict[tuple[str, str], int] = {}
    for place, text in enumerate(data.texts):
        keys = [("text", text_key(text))]
        if data.groups is not None:
            keys.append(("group", data.groups[place]))
        for key in keys:
            parents[find(place)] = find(first.setdefault(key, place))
    _, numbers = np.unique([find(place) for place in range(len(parents))], return_inverse=True)
    return np.asarray(numbers)


def _members(groups: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.cumsum(np.bincount(groups))[:-1])
