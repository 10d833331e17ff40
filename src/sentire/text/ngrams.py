"""Say in which of 109 languages a text is written, by its byte n-grams.

Reads:   a text, and the tables in ``langid/`` when the first classifier is made
Gives:   the likeliest language and its probability
Never:   knows Chinese, Japanese, Korean or languages without a two-letter code

Naive Bayes with the model of py3langid (BSD-3-Clause) and, to the last bit, that library's answers.
The library itself takes 100 MB and 0.4 s before its first answer. ``recipes/languages/make.py``
writes the tables and describes them.
"""

import functools
import math
import unicodedata
from array import array
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_FOLDER = Path(__file__).parent / "langid"

_SCALE = np.float32(512)
"""Weights are kept as whole multiples of 1/512; a power of two leaves sums the same."""


class _Tables(NamedTuple):
    page_of: "array[int]"
    state: "array[int]"
    feature: "array[int]"
    weights: npt.NDArray[np.int16]
    """Of shape (n_features, n_columns), mapped: what no text needs takes no memory."""
    prior: npt.NDArray[np.float32]
    """Of shape (n_columns,)."""
    languages: list[str]
    """Of each column."""
    twins: list[tuple[int, int]]
    """Columns of one language, which the model knows in two scripts."""


class NgramClassifier:
    """Classifies texts by language; safe to share between threads.

    Classifiers share their tables, which are read once.

    Parameters
    ----------
    favoured : collection of str
        ISO 639-1 codes of languages that get a head start.
    head_start : float
        In nats of the raw score, before it is set against the length of the text.

    References
    ----------
    Lui and Baldwin, IJCNLP 2011: Cross-domain feature selection for language identification.
    """

    def __init__(self, favoured: Collection[str] = (), *, head_start: float = 0.0) -> None:
        self._tables = tables = _read_tables()
        self._prior: npt.NDArray[np.floating] = tables.prior
        if favoured:
            self._prior = tables.prior + np.array(
                [head_start * (language in favoured) for language in tables.languages]
            )

    def classify(self, text: str) -> tuple[str, float]:
        """Give the likeliest language's ISO 639-1 code and its probability, 0 to 1.

        A text without any known n-gram gets a probability of at most 0.02.
        """
        data = _encode(text)
        scores = self._scores(data)
        # Divided by the root of the length, the probabilities are as sure as they are right.
        scores *= 1.0 / math.sqrt(len(data) or 1)
        np.exp(scores - scores.max(), out=scores)
        scores /= scores.sum()
        for first, second in self._tables.twins:
            scores[first] += scores[second]
            scores[second] = 0.0
        best = int(scores.argmax())
        return self._tables.languages[best], float(scores[best])

    def _scores(self, data: bytes) -> npt.NDArray[np.floating]:
        counts = Counter(_features(data, self._tables))
        if not counts:
            return np.zeros(len(self._prior), dtype=np.float32)
        found = np.fromiter(counts.keys(), dtype=np.intp, count=len(counts))
        times = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        weights = self._tables.weights.take(found, axis=0).astype(np.float32)
        return np.log1p(times) / _SCALE @ weights + self._prior


def _encode(text: str) -> bytes:
    if text.isupper():
        text = text.lower()
    return unicodedata.normalize("NFC", text).encode("utf-8", errors="surrogatepass")


def _features(data: bytes, tables: _Tables) -> list[int]:
    """Find, at every byte, the longest known n-gram that ends there."""
    page_of, next_state, feature_of = tables.page_of, tables.state, tables.feature
    features: list[int] = []
    append = features.append
    state = 0
    # The next states of a state lie in 16 pages of 16. Written for speed: this runs for each byte.
    for byte in data:
        entry = page_of[state << 4 | byte >> 4] << 4 | byte & 15
        state = next_state[entry]
        feature = feature_of[entry]
        if feature >= 0:
            append(feature)
    return features


@functools.cache
def _read_tables() -> _Tables:
    with np.load(_FOLDER / "automaton.npz", allow_pickle=False) as automaton:
        languages = automaton["language"].tolist()
        return _Tables(
            # Python reads single items of its own arrays faster than of NumPy's.
            page_of=array("H", automaton["page_of"].tobytes()),
            state=array("H", automaton["state"].tobytes()),
            feature=array("i", automaton["feature"].tobytes()),
            weights=np.asarray(np.load(_FOLDER / "weights.npy", mmap_mode="r")),
            prior=automaton["prior"],
            languages=languages,
            twins=_twins(languages),
        )


def _twins(languages: list[str]) -> list[tuple[int, int]]:
    return [
        (languages.index(language), column)
        for column, language in enumerate(languages)
        if languages.index(language) < column
    ]
