"""The label contract, and the ways other people write the same labels.

Emotions join several sets under Ekman's six and neutral. What counts as what:

========  =====================================================================================
joy       happy, happiness, like, love, grateful, relaxed: pleasure and affection
anger     angry; SMP2020's ``angry`` holds disgust too, and a set without disgust says nothing of it
sadness   sad, depress: loss and hopelessness
fear      worried: what may come
surprise  astonished, whether pleasant or not
disgust   contempt and dislike
neutral   none, no emotion
========  =====================================================================================
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, UnsetType

from sentire.errors import UnsupportedRequest
from sentire.types import Prediction

POLARITY = ("negative", "neutral", "positive")
EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")

HeadKind = Literal["single-label", "multi-label"]
"""Whether exactly one label of a head holds of a text (softmax), or any number (sigmoid)."""

LABELS: dict[str, tuple[str, ...]] = {"polarity": POLARITY, "emotion": EMOTIONS}
"""The labels of each head that the contract knows, in the order of its logits."""

OUTPUTS: dict[str, str] = {"polarity": "logits", "emotion": "emotion"}
"""Head -> its output in the network; ``logits`` is where ``transformers`` looks."""
EMBEDDING = "embedding"
"""The network's output that tells what a text is about."""

_FOREIGN: dict[str, dict[str, str]] = {
    "polarity": {
        "negative": "neg 负面 負面 负向 負向 消极 消極 差评 差評 very_negative 1_star 2_stars",
        "neutral": "neu 中性 中立 中评 中評 mixed 3_stars",
        "positive": "pos 正面 正向 积极 積極 好评 好評 very_positive 4_stars 5_stars",
    },
    "emotion": {
        "anger": "angry 愤怒 憤怒 生气 生氣",
        "disgust": "disgusted 厌恶 厭惡",
        "fear": "scared worried 恐惧 恐懼 害怕",
        "joy": "happy happiness like love grateful relaxed 高兴 高興 快乐 快樂 喜悦 喜悅 喜欢 喜歡",
        "sadness": "sad depress 悲伤 悲傷 伤心 傷心",
        "surprise": "surprised astonished 惊讶 驚訝 惊奇 驚奇",
        "neutral": "none no_emotion 中性 无 無",
    },
}
_BY_NAME = {
    head: {name: label for label, names in labels.items() for name in (label, *names.split())}
    for head, labels in _FOREIGN.items()
}


def label_of(name: str, *, head: str) -> str | None:
    """Map a foreign label name to the contract's, or None when its meaning is not certain.

    ``LABEL_0`` and bare numbers are never guessed: their order differs between checkpoints.

    Examples
    --------
    >>> label_of("5 stars", head="polarity"), label_of("正向", head="polarity")
    ('positive', 'positive')
    >>> label_of("happy", head="emotion"), label_of("LABEL_0", head="polarity")
    ('joy', None)
    """
    folded = re.sub(r"[\s\-]+", "_", unicodedata.normalize("NFKC", name).strip().lower())
    return _BY_NAME.get(head, {}).get(folded)


def labels_of(head: str, own: Sequence[str]) -> tuple[str, ...]:
    """Labels that an answer names: the contract's where it knows the head, or the model's own.

    Parameters
    ----------
    head : str
        Name of the head.
    own : sequence of str
        Labels that the model has of it.

    Examples
    --------
    >>> labels_of("polarity", ["negative", "positive"]), labels_of("topic", ["food", "price"])
    (('negative', 'neutral', 'positive'), ('food', 'price'))
    """
    return LABELS.get(head, tuple(own))


def probabilities_of(prediction: Prediction, head: str) -> dict[str, float]:
    """Label -> probability, as a head tells it.

    Parameters
    ----------
    prediction : Prediction
    head : str

    Raises
    ------
    UnsupportedRequest
        The prediction was made without it.
    """
    if head == "polarity":
        return prediction.probabilities
    told = prediction.emotion if head == "emotion" else UNSET
    if isinstance(told, UnsetType):
        raise UnsupportedRequest(f"the prediction tells no {head}: it was not asked for")
    return told.probabilities
