"""The records that travel between rooms. All frozen; none computes.

A text becomes a :class:`Document` of :class:`Window` token ids, runs in a :class:`Batch`, and ends
as a :class:`Prediction`, or as an :class:`Unscored` record in the same place.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import msgspec
from msgspec import UNSET, UnsetType

if TYPE_CHECKING:  # the command line shows its help without loading NumPy
    import numpy as np
    import numpy.typing as npt

OnLong = Literal["window", "truncate", "error"]
"""What to do with a text that is longer than the model reads at once."""


class PredictOptions(msgspec.Struct, frozen=True):
    """What is asked of the texts of a request, handed on whole from the wire to post-processing."""

    sentences: bool = False
    """Also score each sentence, and tell whether they disagree."""
    heads: tuple[str, ...] = ()
    """Heads to answer by beside the polarity, sorted: equal options share a key of the cache."""
    on_long: OnLong = "window"

    @classmethod
    def of(
        cls, *, sentences: bool = False, emotion: bool = False, on_long: OnLong = "window"
    ) -> Self:
        """Make options of what callers write.

        Parameters
        ----------
        sentences : bool
        emotion : bool
            Also answer by the head of that name.
        on_long : "window", "truncate" or "error"
        """
        return cls(sentences, ("emotion",) if emotion else (), on_long)


Engine = Literal["openvino", "onnxruntime", "onnxruntime-cuda", "onnxruntime-tensorrt"]
"""Engines to choose from; ``openvino`` is the fastest on CPUs and needs no extra."""

MAX_THREADS = 1024
"""Of one engine; no machine is known that would gain by more."""


_SHOWN = 60
"""Characters of a text in a ``repr``."""


class Record(msgspec.Struct, frozen=True):
    """What users see."""

    def to_dict(self) -> dict[str, Any]:
        """Give the record as it is in JSON, in dictionaries, lists, strings and numbers."""
        builtins: dict[str, Any] = msgspec.to_builtins(self)
        return builtins


class Language(Record, frozen=True):
    """Language of a text."""

    code: str
    """ISO 639-1, or ``und`` where there is nothing to tell it by."""
    confidence: float
    """0 to 1."""
    supported: bool
    """Whether the model was trained for it."""


class Coverage(Record, frozen=True):
    """How much of a text the model saw."""

    tokens: int
    """Tokens of the whole text, without special ones."""
    read: int
    """Tokens that the model read."""
    windows: int
    """Pieces the text was read in."""
    truncated: bool


class Warning(Record, frozen=True):  # noqa: A001 - the contract's word
    """Something the reader of a prediction should know."""

    code: str
    message: str


class Emotion(Record, frozen=True):
    """Strongest emotion and the probability of each."""

    label: str
    probabilities: dict[str, float]


class Sentence(Record, frozen=True):
    """Sentiment of one sentence, or of one side of a contrast such as "…, but …"."""

    start: int
    """Offset of its first character, in code points of the text as it was given."""
    end: int
    """Offset behind its last character."""
    label: str
    score: float


class ModelInfo(Record, frozen=True):
    """Which model answered."""

    name: str
    version: str
    digest: str
    """``sha256:`` and the digest of the bundle's manifest, which holds that of every file."""


class Prediction(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Sentiment of one text."""

    text: str
    label: str
    """The most probable of ``probabilities``."""
    score: float
    """Calibrated probability of ``label``."""
    probabilities: dict[str, float]
    mixed: bool | None
    """Whether one part is positive and another negative; None when sentences were not asked for."""
    language: Language
    coverage: Coverage
    warnings: list[Warning]
    model: ModelInfo
    emotion: Emotion | UnsetType = UNSET
    sentences: list[Sentence] | UnsetType = UNSET

    @property
    def error(self) -> None:
        """None: this text was scored."""
        return

    def __repr__(self) -> str:
        """Say what was found, on one line; ``to_dict`` has all of it."""
        shown: dict[str, object] = {"label": self.label, "score": round(self.score, 3)}
        if self.mixed:
            shown["mixed"] = True
        if isinstance(self.emotion, Emotion):
            shown["emotion"] = self.emotion.label
        if self.warnings:
            shown["warnings"] = [warning.code for warning in self.warnings]
        return _line(self, text=self.text, **shown)


class RowError(Record, frozen=True):
    """Why a text was not scored."""

    code: str
    message: str


class Unscored(Record, frozen=True, kw_only=True):
    """The record in the place of a text that could not be scored."""

    text: str
    error: RowError

    def __repr__(self) -> str:
        """Say why, on one line."""
        return _line(self, text=self.text, error=self.error.code)


def _line(record: Record, *, text: str, **shown: object) -> str:
    values = {**shown, "text": text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"}
    named = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return f"{type(record).__name__}({named})"


Answer = Prediction | Unscored
"""What each text gets, in its own place."""


class Window(NamedTuple):
    """A stretch of a text that the model reads at once."""

    ids: "npt.NDArray[np.int32]"
    """Token ids with the special tokens, shape (n_tokens,)."""
    weight: int
    """Tokens that only this window answers for; windows overlap, weights don't."""


class Segment(NamedTuple):
    """A sentence or clause: where it stands in the original, and its tokens."""

    start: int
    end: int
    window: Window
    contrast: bool = False
    """Whether it is the other side of a contrast with the one before it."""


class Document(NamedTuple):
    """A text after the text path, ready to run."""

    text: str
    language: Language
    coverage: Coverage
    unknown: int
    """Tokens outside the vocabulary."""
    windows: tuple[Window, ...]
    segments: tuple[Segment, ...]
    """Empty unless sentences were asked for and there are at least two."""

    def all_windows(self) -> list[Window]:
        """The windows of the text, then one for each segment."""
        return [*self.windows, *(segment.window for segment in self.segments)]


class Batch(NamedTuple):
    """Padded rows for one run of the model."""

    input_ids: "npt.NDArray[np.int64]"
    """Shape (n_rows, n_tokens)."""
    attention_mask: "npt.NDArray[np.int64]"
    """Shape (n_rows, n_tokens): 1 for a token, 0 for padding."""
