"""The records of a report; as JSON they are what ``sentire evaluate`` writes."""

import msgspec

from sentire.evaluation.calibration import Bin
from sentire.evaluation.compare import Comparison
from sentire.evaluation.metrics import Interval
from sentire.evaluation.slices import Part
from sentire.types import ModelInfo

FORMAT = 1
"""Of the JSON; raised when a field changes its meaning."""


class LabelResult(msgspec.Struct, frozen=True, kw_only=True):
    """How well one label is found."""

    label: str
    n: int
    """Texts of which it holds."""
    predicted: int
    """Texts of which the model predicted it."""
    precision: float
    recall: float
    f1: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a score means what it says."""

    language: str
    """ISO 639-1 code, or ``*`` for all texts."""
    n: int
    error: float
    """Expected calibration error, 0 to 1. It is too large for a few hundred texts or fewer."""
    bins: list[Bin]


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """A text that the model got wrong, and how sure it was."""

    data: str
    place: int
    """1 for the first labelled text of the set."""
    text: str
    language: str
    gold: list[str]
    predicted: str
    score: float


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the texts the model read, and what it warned of."""

    tokens: int
    read: int
    windowed: int
    """Texts that were read in more than one window."""
    truncated: int
    unscored: dict[str, int]
    """Error code -> texts that have no answer; no figure counts them."""
    warnings: dict[str, int]
    """Warning code -> texts."""


class SetResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one labelled set says of a model."""

    data: str
    head: str
    n: int
    """Texts that were scored and count."""
    n_dropped: int
    """Rows that have no text, no label, or a label that was to be left out."""
    several_hold: bool
    """Whether some texts have several labels. Then a prediction is right if it is one of them, and
    precision, recall and F1 are those of each label by itself."""
    labels: list[str]
    """Those that occur in the set; the model is asked between these."""
    missing: list[str]
    """Labels of the set that the model does not have."""
    figures: dict[str, Interval]
    per_label: list[LabelResult]
    confusion: list[list[float]]
    """Rows: the label that holds; columns: the most probable one. A text of several labels counts
    under the predicted one if it holds, else under each in equal shares."""
    calibration: list[Calibration]
    reading: Reading
    parts: list[Part]
    mistakes: list[Mistake]
    """The surest first."""
    comparison: Comparison | None = None


class HeadResult(msgspec.Struct, frozen=True, kw_only=True):
    """All sets of one head together: each text counts the same, so large sets weigh more."""

    head: str
    data: list[str]
    n: int
    accuracy: Interval
    calibration: list[Calibration]
    parts: list[Part]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A check of the behavioural suite that did not hold."""

    capability: str
    language: str
    domain: str
    kind: str
    texts: list[str]
    """The text, or two that were compared."""
    expected: str
    predicted: str


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """Checks of one capability in one language."""

    capability: str
    language: str
    passed: int
    n: int


class BehaviourResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the behavioural suite says of a model."""

    passed: int
    n: int
    capabilities: list[Capability]
    failures: list[Failure]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run of ``sentire evaluate`` found."""

    model: ModelInfo
    engine: str
    sentire: str
    """Version of sentire."""
    made: str
    """Time of the run, ISO 8601 with its zone."""
    format: int = FORMAT
    against: ModelInfo | None = None
    sets: list[SetResult] = []
    together: list[HeadResult] = []
    behaviour: BehaviourResult | None = None
    behaviour_against: BehaviourResult | None = None
