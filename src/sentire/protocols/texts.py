"""Score the texts of a request within the limits, whatever dialect it came in.

Reads:   texts, and what is asked of them
Gives:   answers, as many as texts and in their order
Never:   decides anything about a text; the model does
"""

import asyncio
from collections.abc import Sequence

from sentire.protocols.context import Context
from sentire.types import Answer, PredictOptions, RowError, Unscored
from sentire.web.auth import charge
from sentire.web.problems import ProblemError


async def score_texts(
    context: Context,
    texts: Sequence[object],
    options: PredictOptions,
    *,
    name: str | None = None,
    version: str | None = None,
) -> list[Answer]:
    """Score the texts that are within the limits, and put the others in their own places.

    Parameters
    ----------
    context : Context
    texts : sequence of object
    options : PredictOptions
        What is asked of all of them.
    name, version : str or None
        Of the model; None where that was left open.

    Raises
    ------
    ProblemError
        There are too many texts, or the model did not answer in time.
    """
    limits = context.limits
    if len(texts) > limits.texts:
        raise ProblemError(
            413,
            "too_many_texts",
            f"The request has {len(texts):,} texts, this server takes {limits.texts:,}. "
            "Send them in several requests.",
        )
    if len(texts) > 1:  # the first was counted when the request was let in
        charge(len(texts) - 1)
    too_large = {
        index: _too_large(text, limits.text_characters)
        for index, text in enumerate(texts)
        if isinstance(text, str) and len(text) > limits.text_characters
    }
    fitting = [text for index, text in enumerate(texts) if index not in too_large]
    try:
        async with asyncio.timeout(limits.request_s):
            scored = await context.models.get(name, version).predict(fitting, options)
    except TimeoutError:
        raise ProblemError(
            503,
            "timed_out",
            f"The model did not answer within {limits.request_s:g} s. "
            "Try again later, or with fewer texts.",
            {"Retry-After": "1"},
        ) from None
    rest = iter(scored)
    return [too_large[i] if i in too_large else next(rest) for i in range(len(texts))]


def _too_large(text: str, limit: int) -> Unscored:
    message = (
        f"the text has {len(text):,} characters, this server takes {limit:,}. Send it in parts."
    )
    return Unscored(text=text, error=RowError("text_too_large", message))
