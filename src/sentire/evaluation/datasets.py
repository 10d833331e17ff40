"""Labelled texts, whatever file they come from and whatever its labels are called.

Reads:   the inputs of ``io``, with a column of texts and one of labels
Gives:   texts and the share of each of the contract's labels
Never:   guesses what a label means, or leaves a row out in silence
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from sentire.arrays import Float32Array
from sentire.errors import OptionError, SourceError
from sentire.io.inputs import InputOptions, open_input
from sentire.io.nested_keys import ABSENT, nested_value
from sentire.io.rows import Fields
from sentire.labels import LABELS, label_of

MetricName = Literal["accuracy", "macro_f1", "macro_recall"]

DROP = "-"
"""A label mapped to this is left out: of data with its rows; of a checkpoint, whose other labels
share its probability."""

_STAR_COLUMNS = frozenset({"stars", "rating", "评分", "評分", "星级"})
_LABEL_COLUMNS = _STAR_COLUMNS | {
    *("label", "labels", "sentiment", "polarity", "emotion", "class"),
    *("标签", "標籤", "情感", "情绪", "情緒"),
}
_SHOWN = 12


class LabelledSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A labelled input and how to read it.

    Raises
    ------
    ValueError
        There is no such head; where a table is decoded, it is a ``msgspec.ValidationError``.
    """

    file: str
    """A path, or a database's URL."""
    head: str = "polarity"
    text_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    """Rows of one group (an author, a product, a dialogue) never stand on both sides of a split."""
    sheet: str | None = None
    """Of a workbook: its name, or its number from 1 on."""
    query: str | None = None
    labels: dict[str, str] = {}
    """Names of the file -> names of the contract, or ``-`` to leave such rows out."""
    metric: MetricName | None = None
    """The figure that a bundle states of it; accuracy for two labels, macro-F1 for more."""

    def __post_init__(self) -> None:
        if self.head not in LABELS:
            allowed = ", ".join(LABELS)
            raise ValueError(f"there is no head {self.head!r}. Allowed are {allowed}")


class Dataset(NamedTuple):
    """Labelled texts of one source."""

    name: str
    head: str
    texts: list[str]
    gold: Float32Array
    """Shape (n_texts, n_labels): the share of each label; equal shares where several hold."""
    groups: list[str] | None
    n_dropped: int
    """Rows left out: their label was mapped to ``-``, or they hold no text."""
    metric: MetricName | None = None
    """The figure to state, where it is not the usual one."""

    @property
    def allowed(self) -> npt.NDArray[np.bool_]:
        """Labels that occur, shape (n_labels,); the set says nothing about the others."""
        return np.asarray((self.gold > 0).any(axis=0))

    @property
    def judged_by(self) -> MetricName:
        """The figure to state: as asked, or accuracy for two labels and macro-F1 for more."""
        return self.metric or ("accuracy" if int(self.allowed.sum()) == 2 else "macro_f1")

    def take(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> "Dataset":
        """The rows at ``indices``, in their order."""
        return self._replace(
            texts=[self.texts[i] for i in indices],
            gold=self.gold[np.asarray(indices, np.int64)],
            groups=None if self.groups is None else [self.groups[i] for i in indices],
        )


def read_dataset(source: LabelledSource) -> Dataset:
    """Read every row of a labelled input.

    Raises
    ------
    SourceError
        The input can't be read, has no column of labels, or holds no labelled text.
    OptionError
        A label's meaning is not certain; the message lists all such labels.
    """
    labels = LABELS[source.head]
    texts: list[str] = []
    named: list[list[str]] = []
    groups: list[str] = []
    n_dropped = 0
    unknown: Counter[str] = Counter()
    given = source.file if "://" in source.file else Path(source.file)
    options = InputOptions(text_column=source.text_column, sheet=source.sheet, query=source.query)
    with open_input(given, options) as rows:
        column: str | None = source.label_column
        for row in rows:
            if row.error is not None and not row.missing:
                raise SourceError(
                    f"{rows.name}, row {row.number}: {row.error.message}. Mend or remove the row."
                )
            column = column or _find_label_column(row.fields, rows.name)
            named_label = nested_value(row.fields, column)
            if named_label is ABSENT:
                raise SourceError(
                    f"{rows.name}, row {row.number} has no column {column!r}. "
                    f"It has: {', '.join(row.fields)}. Name one with --label-column."
                )
            stars = column.strip().lower() in _STAR_COLUMNS
            mapped = [(name, _label(name, source, stars=stars))
                      for name in _names(named_label)]  # fmt: skip
            unknown.update(name for name, label in mapped if label not in {*labels, DROP})
            kept = [label for _, label in mapped if label is not None and label != DROP]
            if not kept or not row.text.strip():
                n_dropped += 1
                continue
            texts.append(row.text)
            named.append(kept)
            if source.group_column is not None:
                if source.group_column not in row.fields:
                    raise SourceError(
                        f"{rows.name}, row {row.number} has no column {source.group_column!r}. "
                        f"It has: {', '.join(row.fields)}. Name one with --group-column."
                    )
                groups.append(_plain(row.fields[source.group_column]))
    if unknown:
        raise OptionError(_unknown(rows.name, unknown, labels))
    if not texts:
        raise SourceError(
            f"{rows.name} holds no labelled text; {n_dropped} of its rows were left out, for they "
            f"have no text or no label, or a label that --label maps to {DROP}."
        )
    gold = np.zeros((len(texts), len(labels)), np.float32)
    for place, kept in enumerate(named):
        for label in kept:
            gold[place, labels.index(label)] += 1 / len(kept)
    return Dataset(
        name=_name(rows.name),
        head=source.head,
        texts=texts,
        gold=gold,
        groups=groups if source.group_column is not None else None,
        n_dropped=n_dropped,
        metric=source.metric,
    )


def _find_label_column(fields: Fields, name: str) -> str:
    found = [column for column in fields if column.strip().lower() in _LABEL_COLUMNS]
    if len(found) == 1:
        return found[0]
    raise SourceError(
        f"{name}: which column holds the label is not obvious. It has: {', '.join(fields)}. "
        "Name one with --label-column."
    )


def _names(value: object) -> list[str]:
    """Label names of a cell, which holds one or a list."""
    values = value if isinstance(value, list) else [value]
    return [_plain(each) for each in values if each is not None and each != ""]


def _label(name: str, source: LabelledSource, *, stars: bool) -> str | None:
    """What a name means; a bare number means something only in a column of stars."""
    if name in source.labels:
        return source.labels[name]
    if stars and name.isdigit():
        name = f"{name} {'star' if name == '1' else 'stars'}"
    return label_of(name, head=source.head)


def _plain(value: object) -> str:
    """Text of a cell; 5.0 out of a table with gaps is 5."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _unknown(name: str, unknown: Mapping[str, int], labels: Sequence[str]) -> str:
    shown = ", ".join(f"{label!r} ({n} rows)" for label, n in list(unknown.items())[:_SHOWN])
    more = ", …" if len(unknown) > _SHOWN else ""
    return (
        f"{name}: what these labels mean is not certain: {shown}{more}. Allowed are "
        f"{', '.join(labels)}, and names that mean one of them. Say which is which, for example "
        f"--label {next(iter(unknown))}={labels[0]}, or ={DROP} to leave such rows out."
    )


def _name(file: str) -> str:
    """``data/sst2.dev.jsonl.gz`` is ``sst2``; a database's URL comes without its password."""
    return Path(file).name.split(".")[0] or file
