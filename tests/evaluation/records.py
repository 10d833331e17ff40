"""Records as a model would give them, for tests of what is made of them."""

import numpy as np

from sentire.evaluation.datasets import Dataset
from sentire.evaluation.scores import Scored
from sentire.labels import LABELS
from sentire.types import Coverage, Language, ModelInfo, Prediction, RowError, Unscored, Warning


def prediction(text="fine", *, probabilities=(0.1, 0.2, 0.7), code="en", tokens=5, warnings=()):
    named = dict(zip(LABELS["polarity"], map(float, probabilities), strict=True))
    label = max(named, key=named.__getitem__)
    return Prediction(
        text=text,
        label=label,
        score=named[label],
        probabilities=named,
        mixed=None,
        language=Language(code, 1.0, code in {"zh", "en"}),
        coverage=Coverage(tokens, tokens, 1 + tokens // 128, truncated=False),
        warnings=[Warning(code, "because") for code in warnings],
        model=ModelInfo("m", "1.0.0", "sha256:0"),
    )


def unscored(text=""):
    return Unscored(text=text, error=RowError("empty_text", "the text is empty"))


def dataset(gold, *, head="polarity", texts=None, name="made"):
    gold = np.asarray(gold, np.float32)
    texts = texts or [f"text {i}" for i in range(len(gold))]
    return Dataset(name, head, texts, gold, None, 0)


def scored(
    gold, probabilities, *, head="polarity", texts=None, codes=None, name="made", missing=()
):
    """A scored set; texts at ``missing`` were not scored."""
    data = dataset(gold, head=head, texts=texts, name=name)
    probabilities = np.array(probabilities, np.float64)
    probabilities[list(missing)] = 1 / probabilities.shape[1]
    codes = codes or ["en"] * len(data.texts)
    answers = [
        unscored(text)
        if at in missing
        else prediction(
            text, code=code, probabilities=probabilities[at] if head == "polarity" else (0, 0, 1)
        )
        for at, (text, code) in enumerate(zip(data.texts, codes, strict=True))
    ]
    return Scored(data, probabilities, codes, answers)


def one_hot(labels, n_labels=3):
    return np.eye(n_labels, dtype=np.float32)[np.asarray(labels)]
