"""How a network was made, and what it has learned from: a file beside its weights.

Reads:   ``training.json``
Gives:   a checked :class:`TrainingRecord`
Never:   forgets what a network learned before it was trained further
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from sentire.bundle.manifest import Training
from sentire.errors import MissingBackbone
from sentire.text.path import TextSettings
from sentire.training.schedule import Schedule

RECORD = "training.json"


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a network was made."""

    backbone: str
    text: TextSettings
    schedule: Schedule
    training: tuple[Training, ...]
    """The data it learned from, its backbone's among them."""


def read_record(folder: Path) -> TrainingRecord:
    """Read the record of a network that sentire trained.

    Raises
    ------
    MissingBackbone
        It is not valid.
    """
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=TrainingRecord)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MissingBackbone(f"{folder / RECORD} is not valid: {error}") from None


def merge(before: Iterable[Training], now: Iterable[Training]) -> tuple[Training, ...]:
    """What was learned in two runs; of a set that both read, the larger part.

    Examples
    --------
    >>> a, b = (Training(name="a", language="zh", rows=n, source="s", licence="l") for n in (9, 5))
    >>> [each.rows for each in merge([a], [b])]
    [9]
    """
    found: dict[tuple[str, str, str], Training] = {}
    for each in (*before, *now):
        key = (each.name, each.language, each.source)
        if key not in found or found[key].rows < each.rows:
            found[key] = each
    return tuple(found.values())
