"""Whether a text praises and blames: the rule behind ``mixed``.

Reads:   the parts of a text, and the probabilities of each
Gives:   yes or no
Never:   asks how sure the model is of a part's label; two parts are judged together
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sentire.types import Segment

CONTRAST = 0.06
"""Of the two sides of a contrast. Low, because the writer's own "but" says most of it."""
SENTENCES = 0.45
"""Of sentences without such a word. High, because a long review holds many pairs, one of which
looks opposite by chance; two parts that are each 0.67 sure reach it."""


def disagree(
    segments: Sequence[Segment],
    negative: npt.NDArray[np.float32],
    positive: npt.NDArray[np.float32],
) -> bool:
    """Whether one part is positive and another negative, with enough probability.

    The probability of a pair is that one is positive times that the other is negative.
    ``benchmarks/mixed.py`` chose the threshold of a contrast on labelled aspects.

    Parameters
    ----------
    segments : sequence of Segment
        The parts, in order, at least two.
    negative, positive : float32 arrays of shape (n_segments,)
        Probability of each to be negative and to be positive.
    """
    # With one of the two most negative, since a part makes no pair with itself.
    if any(
        negative[at] * np.delete(positive, at).max() >= SENTENCES
        for at in np.argsort(negative)[-2:]
    ):
        return True
    sides = np.flatnonzero([segment.contrast for segment in segments])
    first_positive = positive[sides - 1] * negative[sides]
    first_negative = negative[sides - 1] * positive[sides]
    return bool((np.maximum(first_positive, first_negative) >= CONTRAST).any())
