"""Sentences that travel with the package: their meaning is clear, or they only have to be read.

Reads:   ``probes.json``
Gives:   probes of a known label, texts to calibrate with, golden sentences
Never:   used to train, or to say how right a model is
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

PROBE_LANGUAGES = ("zh", "en")
"""Languages that there are probes in."""

GOLDEN = {
    "zh": (
        "房间太小，服务态度也很差",
        "这个产品使用体验非常棒！",
        "会议将于明天上午九点开始。",
        "手机不错，就是电池不耐用 😕",
    ),
    "en": (
        "I absolutely love the new movie, it's fantastic!",
        "The train leaves at nine from platform two.",
        "Worst purchase I have ever made, it broke after a day.",
        "Not bad at all, would buy again.",
    ),
}
"""Sentences whose answers every bundle promises, per language."""

_JOINED = 4
"""Neighbouring sentences that make one longer text, so that calibration sees longer rows."""


def probes(language: str, label: str) -> list[str]:
    """Sentences of one language that anybody would call ``label``."""
    return _read()[language][label]


def calibration_texts(languages: Sequence[str]) -> list[str]:
    """Every packaged sentence of the languages, and longer texts made of neighbours."""
    texts = []
    for language in PROBE_LANGUAGES:
        if language in languages:
            sentences = [text for kind in _read()[language].values() for text in kind]
            blank = "" if language == "zh" else " "
            texts += sentences
            texts += [
                blank.join(sentences[start : start + _JOINED])
                for start in range(0, len(sentences), _JOINED)
            ]
    return texts


def golden_texts(languages: Sequence[str]) -> list[str]:
    """Golden sentences for a model of these languages; all where it knows none of them."""
    known = [language for language in PROBE_LANGUAGES if language in languages] or PROBE_LANGUAGES
    return [text for language in known for text in GOLDEN[language]]


@cache
def _read() -> dict[str, dict[str, list[str]]]:
    data = Path(__file__).with_name("probes.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, dict[str, list[str]]])
