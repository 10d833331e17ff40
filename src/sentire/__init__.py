"""Sentiment analysis for Chinese and English that you run yourself.

>>> import sentire
>>> sentire.load().analyze("I absolutely love the new movie!").label
'positive'
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sentire.errors import SentireError

if TYPE_CHECKING:
    from sentire.inference.analyzer import Analyzer
    from sentire.inference.load import load
    from sentire.types import Prediction

__all__ = ["Analyzer", "Prediction", "SentireError", "load"]

_HOMES = {
    "Analyzer": "sentire.inference.analyzer",
    "load": "sentire.inference.load",
    "Prediction": "sentire.types",
}


def __getattr__(name: str) -> object:
    """Import a name when it is first used, so that ``import sentire`` costs nothing (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sentire' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
