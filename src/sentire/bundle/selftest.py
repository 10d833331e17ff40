"""Compare a model's answers with those its bundle promises."""

from collections.abc import Sequence

from sentire.bundle.store import Bundle
from sentire.errors import SelfTestFailed


def check_golden(bundle: Bundle, answers: Sequence[dict[str, float]]) -> None:
    """Check the answers to the golden sentences.

    Parameters
    ----------
    answers : for each golden sentence, in order, label -> probability

    Raises
    ------
    SelfTestFailed
        A probability is further from the promised one than the bundle's tolerance.
    """
    tolerance = bundle.manifest.golden_tolerance
    for number, (golden, answer) in enumerate(zip(bundle.manifest.golden, answers, strict=True)):
        for label, promised in golden.probabilities.items():
            found = answer.get(label, float("nan"))
            if not abs(found - promised) <= tolerance:
                raise SelfTestFailed(
                    bundle.path,
                    f"golden sentence {number} has {label} {found:.3f}, the bundle promises "
                    f"{promised:.3f} within {tolerance:g}. The engine or the machine computes "
                    "something else than the model's maker did; try another engine.",
                )
