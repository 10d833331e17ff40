"""Run a labelled set through the engine that serves.

Reads:   a dataset, and a loaded model
Gives:   what the model said of each text, in order
Never:   runs a model in another way than ``sentire analyze`` does
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentire.arrays import Probabilities
from sentire.bundle.manifest import Manifest
from sentire.errors import UnsupportedRequest
from sentire.evaluation.datasets import Dataset
from sentire.evaluation.metrics import Labels
from sentire.inference.analyzer import Analyzer
from sentire.labels import LABELS, probabilities_of
from sentire.progress import Progress
from sentire.types import Answer, Prediction

NO_LANGUAGE = "und"


class Scored(NamedTuple):
    """A dataset and what the model said of it."""

    dataset: Dataset
    probabilities: Probabilities
    """Calibrated probabilities as they are served, shape (n_texts, n_labels), over all labels of
    the head; equal for each label where the text could not be scored."""
    languages: list[str]
    """ISO 639-1 code of each text; ``und`` where it could not be scored."""
    predictions: list[Answer]

    @property
    def allowed_probabilities(self) -> Probabilities:
        """Probabilities over the labels that occur in the set, which sum to 1; the others are 0.

        A set of two classes says nothing about the third, so the model is asked between the two.
        """
        kept = self.probabilities * self.dataset.allowed
        total = kept.sum(axis=1, keepdims=True)
        even = self.dataset.allowed / self.dataset.allowed.sum()
        result: Probabilities = np.where(total > 0, kept / np.maximum(total, 1e-12), even)
        return result

    @property
    def predicted(self) -> Labels:
        """Index of the most probable label among those that occur, int64 of shape (n_texts,)."""
        best: Labels = self.allowed_probabilities.argmax(axis=1)
        return best

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Whether each text was scored, shape (n_texts,)."""
        return np.array([isinstance(p, Prediction) for p in self.predictions], np.bool_)


def check_head(manifest: Manifest, dataset: Dataset) -> None:
    """Refuse a set whose head the model lacks, before anything is run.

    Raises
    ------
    UnsupportedRequest
    """
    if dataset.head not in manifest.heads:
        raise UnsupportedRequest(
            f"{dataset.name} is labelled for {dataset.head}, which model {manifest.name}@"
            f"{manifest.version} does not tell. It tells: {', '.join(manifest.heads)}."
        )


def score(analyzer: Analyzer, dataset: Dataset, *, progress: Progress | None = None) -> Scored:
    """Score every text of a dataset.

    Parameters
    ----------
    analyzer : Analyzer
    dataset : Dataset
    progress : function, optional
        Told how many texts are scored, and how many there are.

    Raises
    ------
    UnsupportedRequest
        The model has no such head.
    """
    check_head(analyzer.manifest, dataset)
    labels = LABELS[dataset.head]
    n_texts = len(dataset.texts)
    probabilities = np.full((n_texts, len(labels)), 1 / len(labels))
    predictions: list[Answer] = []
    answers = analyzer.analyze_many(dataset.texts, emotion=dataset.head == "emotion")
    for place, answer in enumerate(answers):
        if isinstance(answer, Prediction):
            named = probabilities_of(answer, dataset.head)
            probabilities[place] = [named.get(label, 0.0) for label in labels]
        predictions.append(answer)
        if progress is not None:
            progress(place + 1, n_texts)
    languages = [p.language.code if isinstance(p, Prediction) else NO_LANGUAGE for p in predictions]
    return Scored(dataset, probabilities, languages, predictions)
