"""Parts of a set that a model may read worse than the rest.

Markers are words and signs, found in the text as it was given. They say that a text holds a "not",
not that it is negated; that it holds "呵呵", not that it is meant ironically.

Reads:   texts and their predictions
Gives:   the part of each text along every dimension
Never:   looks at a label
"""

import functools
import re
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from sentire.evaluation.metrics import Interval, wilson
from sentire.types import Prediction

TELLING = 0.1
"""A part tells something from half an interval of at most this: about 35 texts at 90 % right."""

_LENGTHS = ((16, "1 to 15 tokens"), (41, "16 to 40 tokens"), (129, "41 to 128 tokens"))
_LONGER = "over 128 tokens"

_NEGATION = re.compile(
    r"\b(?:not|no|never|nobody|nothing|neither|nor|none|without|hardly|barely|cannot)\b|n['’]t\b"
    # Not 不错 (good), 不过 (but), 不仅 (not only) and the like, in which 不 negates nothing.
    r"|不(?![错錯过過仅僅但同断斷管论論然久止])|[没沒]|[无無](?=[法人聊趣味用奈能心力])|毫[无無]|[从從]未"
    r"|(?<![特区區分级級个個性])[别別](?![人的样樣致墅])",
    re.IGNORECASE,
)
_CONTRAST = re.compile(
    r"\b(?:but|however|although|though|yet|despite|nevertheless|whereas)\b"
    r"|但|可是|然而|不[过過]|[虽雖]|[尽儘盡]管|就是(?=.{0,6}[太有不没沒])",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"[?？]|[吗嗎呢](?:[。!！…~～\s]|$)")
_SARCASM = re.compile(
    r"/s(?:\s|$)|#(?:sarcasm|irony|not)\b|\byeah,? right\b|\b(?:oh|just|well),? great\b"
    r"|\bthanks a lot\b|\bjust what i (?:needed|wanted)\b|\b(?:big|what a) surprise\b"
    r"|呵呵|真是[够夠]了|[谢謝]{2}[你您]了|服了|醉了|[厉厲]害了|可真行|真行啊|好一[个個]",
    re.IGNORECASE,
)
# Pictographs, dingbats and flags; what people draw with punctuation; Weibo's words in brackets.
_EMOJI = re.compile(
    "[\U0001f300-\U0001faff\U0001f1e6-\U0001f1ff\u2600-\u27bf\u2b50\u2b55\u203c\u2049]"
    r"|[:;=][-'^]?[)(DPp3/\\|](?!\w)|\^[_-]?\^|T_T|<3\b|\[[\u4e00-\u9fff]{1,4}\]"
)
_HAN = re.compile("[\u4e00-\u9fff]")


class Part(msgspec.Struct, frozen=True):
    """One part along one dimension, and how right a model is there."""

    dimension: str
    name: str
    n: int
    accuracy: Interval
    verdict: str
    """``few``: too few texts to tell; ``lower`` or ``higher``: the whole interval lies below or
    above the accuracy of the set; ``like the rest``."""


def parts(
    predictions: list[Prediction], right: npt.NDArray[np.bool_], *, sources: list[str] | None = None
) -> list[Part]:
    """Accuracy in every part that holds a text, with Wilson intervals.

    Dimensions along which all texts are in one part are left out.

    Parameters
    ----------
    predictions : of the texts
    right : bool array of shape (n_texts,)
    sources : names of the sets that the texts come from, where they are several
    """
    found: list[Part] = []
    for dimension, part_of in DIMENSIONS.items():
        found += _along(dimension, [part_of(p) for p in predictions], right)
    if sources is not None:
        found += _along("source", list(sources), right)
    return found


def _along(
    dimension: str, names: list[str] | list[str | None], right: npt.NDArray[np.bool_]
) -> Iterator[Part]:
    overall = float(right.mean())
    different = {name for name in names if name is not None}
    if len(set(names)) < 2:
        return
    for name in sorted(different, key=_order):
        inside = np.array([other == name for other in names], np.bool_)
        n = int(inside.sum())
        figure = wilson(int(right[inside].sum()), n)
        yield Part(dimension, name, n, figure, _verdict(figure, overall))


def _verdict(figure: Interval, overall: float) -> str:
    if (figure.high - figure.low) / 2 > TELLING:
        return "few"
    if figure.high < overall:
        return "lower"
    return "higher" if figure.low > overall else "like the rest"


def _order(name: str) -> tuple[int, str]:
    """Lengths in their order, "yes" before "no", the rest by name."""
    lengths = [label for _, label in _LENGTHS] + [_LONGER]
    return (lengths.index(name) if name in lengths else name == "no", name)


def language_of(prediction: Prediction) -> str:
    """Code of the language that the text was taken for, or ``other`` for all unsupported ones."""
    return prediction.language.code if prediction.language.supported else "other"


def length_of(prediction: Prediction) -> str:
    """Bucket of the number of tokens."""
    n = prediction.coverage.tokens
    return next((label for bound, label in _LENGTHS if n < bound), _LONGER)


def script_of(prediction: Prediction) -> str | None:
    """``simplified`` or ``traditional``; None where neither or no Chinese character tells.

    A character that GB 2312 has and Big5 lacks is simplified, and the other way round.
    """
    simplified = traditional = 0
    for character in _HAN.findall(prediction.text):
        in_gb2312, in_big5 = _standards(character)
        simplified += in_gb2312 and not in_big5
        traditional += in_big5 and not in_gb2312
    if simplified == traditional:
        return None
    return "simplified" if simplified > traditional else "traditional"


@functools.cache
def _standards(character: str) -> tuple[bool, bool]:
    return _encodes(character, "gb2312"), _encodes(character, "big5")


def _encodes(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _holds(pattern: re.Pattern[str]) -> Callable[[Prediction], str]:
    return lambda prediction: "yes" if pattern.search(prediction.text) else "no"


DIMENSIONS: dict[str, Callable[[Prediction], str | None]] = {
    "language": language_of,
    "length": length_of,
    "script": script_of,
    "negation": _holds(_NEGATION),
    "contrast": _holds(_CONTRAST),
    "question": _holds(_QUESTION),
    "emoji": _holds(_EMOJI),
    "sarcasm marker": _holds(_SARCASM),
}
"""Name of each dimension, and what tells a text's part along it."""
