"""The label contract, and the ways other people write the same labels."""

import re
import unicodedata

POLARITY = ("negative", "neutral", "positive")
EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")

_FOREIGN = {
    "negative": "negative neg 负面 負面 负向 負向 消极 消極 差评 差評 very_negative 1_star 2_stars",
    "neutral": "neutral neu 中性 中立 中评 中評 mixed 3_stars",
    "positive": "positive pos 正面 正向 积极 積極 好评 好評 very_positive 4_stars 5_stars",
}
_POLARITY_BY_NAME = {name: label for label, names in _FOREIGN.items() for name in names.split()}


def polarity_of(name: str) -> str | None:
    """Map a foreign label name to the contract's, or None when its meaning is not certain.

    ``LABEL_0`` and bare numbers are never guessed: their order differs between checkpoints.

    Examples
    --------
    >>> polarity_of("5 stars"), polarity_of("正向"), polarity_of("LABEL_0")
    ('positive', 'positive', None)
    """
    folded = re.sub(r"[\s\-]+", "_", unicodedata.normalize("NFKC", name).strip().lower())
    return _POLARITY_BY_NAME.get(folded)
