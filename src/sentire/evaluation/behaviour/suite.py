"""Ask a model everything the behavioural suite holds.

Reads:   checks, and a loaded model
Gives:   how many hold, by capability and language, and those that don't
Never:   counts a text that could not be scored as passed
"""

from collections import Counter
from collections.abc import Sequence

from sentire.evaluation.behaviour.checks import Check, CheckKind
from sentire.evaluation.results import BehaviourResult, Capability, Failure
from sentire.inference.analyzer import Analyzer
from sentire.progress import Progress
from sentire.types import Answer, Prediction

MOVED = 0.1
"""Least move of the score for ``up`` and ``down``: what a reader of scores would notice."""
TOLERATED = 0.05
"""Largest move the wrong way for ``not up`` and ``not down``: scores near their end stay there."""

Answers = dict[str, Answer]


def run_checks(
    analyzer: Analyzer, checks: Sequence[Check], *, progress: Progress | None = None
) -> BehaviourResult:
    """Run a suite; each text is scored once.

    Parameters
    ----------
    analyzer : Analyzer
    checks : sequence of Check
    progress : function, optional
        Told how many texts are scored, and how many there are.
    """
    texts = list(dict.fromkeys(text for check in checks for text in check.texts))
    answers: Answers = {}
    for text, answer in zip(texts, analyzer.analyze_many(texts), strict=True):
        answers[text] = answer
        if progress is not None:
            progress(len(answers), len(texts))
    failures = [
        Failure(
            capability=check.capability,
            language=check.language,
            domain=check.domain,
            kind=check.kind,
            texts=list(check.texts),
            expected=_expected(check),
            predicted=" -> ".join(_shown(answers[text]) for text in check.texts),
        )
        for check in checks
        if not holds(check, [answers[text] for text in check.texts])
    ]
    asked = Counter((check.capability, check.language) for check in checks)
    failed = Counter((failure.capability, failure.language) for failure in failures)
    return BehaviourResult(
        passed=len(checks) - len(failures),
        n=len(checks),
        capabilities=[
            Capability(capability=name, language=language, passed=n - failed[name, language], n=n)
            for (name, language), n in asked.items()
        ],
        failures=failures,
    )


def holds(check: Check, answers: Sequence[Answer]) -> bool:
    """Whether a model that gave these answers passes."""
    scored = [answer for answer in answers if isinstance(answer, Prediction)]
    if len(scored) < len(answers):
        return False
    first, last = scored[0], scored[-1]
    move = polarity_score(last) - polarity_score(first)
    passes: dict[CheckKind, bool] = {
        "label": first.label == check.expect,
        "same": first.label == last.label,
        "swap": first.label == last.label,
        "up": move >= MOVED,
        "down": move <= -MOVED,
        "not up": move <= TOLERATED,
        "not down": move >= -TOLERATED,
    }
    return passes[check.kind]


def polarity_score(prediction: Prediction) -> float:
    """Probability of positive less that of negative, -1 to 1."""
    probabilities = prediction.probabilities
    return probabilities.get("positive", 0.0) - probabilities.get("negative", 0.0)


def _expected(check: Check) -> str:
    return {
        "label": check.expect,
        "same": "the same label",
        "swap": "the same label",
        "up": f"score up by {MOVED} or more",
        "down": f"score down by {MOVED} or more",
        "not up": f"score not up by more than {TOLERATED}",
        "not down": f"score not down by more than {TOLERATED}",
    }[check.kind]


def _shown(answer: Answer) -> str:
    if isinstance(answer, Prediction):
        return f"{answer.label} ({polarity_score(answer):+.2f})"
    return answer.error.code
