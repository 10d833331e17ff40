"""Refuse a request in a dialect, and its routes' failures with it.

Reads:   a refusal
Gives:   the shape that the clients of a dialect read
Never:   shows a caller the inside of an unexpected error
"""

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sentire.web import problems
from sentire.web.access_log import log_failure
from sentire.web.problems import ProblemError

EncodeError = Callable[[ProblemError], tuple[int, bytes]]
"""Writes a refusal in a dialect, and says with which status."""


def in_dialect(refused: ProblemError, encode_error: EncodeError) -> Response:
    """Write a refusal in a dialect.

    Parameters
    ----------
    refused : ProblemError
    encode_error : function
        The dialect's.
    """
    status, body = encode_error(refused)
    return problems.with_headers(refused, body, status, "application/json")


async def or_refusal(answer: Awaitable[Response], encode_error: EncodeError) -> Response:
    """Await an answer; what is raised becomes a refusal in the dialect's shape."""
    try:
        return await answer
    except ClientDisconnect:
        raise
    except Exception as error:  # also a fault of ours: the client reads its own dialect only
        refused = problems.of_error(error)
        if refused.status == 500:
            log_failure(error)
        return in_dialect(refused, encode_error)
