"""Errors as problem documents (RFC 9457), and the one table from our errors to HTTP status codes.

Reads:   an exception of sentire or of the web framework, or the error record of one text
Gives:   a response with status, code and one sentence that says what to do
Never:   shows a caller the inside of an unexpected error
"""

import math
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sentire import errors
from sentire.types import RowError

MEDIA_TYPE = "application/problem+json"

ProblemFields = Mapping[str, str | tuple[str, ...]]
"""Header fields by name; one with several values stands once for each."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not answered, after RFC 9457."""

    type: str = "about:blank"
    title: str
    """The status code in words."""
    status: int
    code: str
    """What programs tell problems apart by."""
    detail: str
    """What came, what is allowed, what to do."""


class ProblemError(Exception):
    """A request is answered with a problem.

    Parameters
    ----------
    status : int
    code : str
    detail : str
    headers : mapping, optional
        Further headers of the response.
    """

    def __init__(
        self, status: int, code: str, detail: str, headers: ProblemFields | None = None
    ) -> None:
        self.status, self.code, self.detail, self.headers = status, code, detail, headers
        super().__init__(status, code, detail, headers)


# The first line that fits counts, so the special stands before the general.
_TABLE: tuple[tuple[type[errors.SentireError], int, str], ...] = (
    (errors.ModelNotFound, 404, "model_not_found"),
    (errors.UnsupportedRequest, 422, "unsupported_request"),
    (errors.InputError, 422, "invalid_input"),
    (errors.ServiceFailed, 502, "model_service_failed"),
    (errors.Overloaded, 429, "overloaded"),
    (errors.ServiceOverloaded, 429, "overloaded"),
    (errors.Unavailable, 503, "not_ready"),
)
_ROW_STATUS = {"text_too_large": 413}
_FRAMEWORK = {
    404: ("not_found", "There is nothing at this path. GET /docs lists what there is."),
    405: ("method_not_allowed", "This path does not take {method}. It takes {allow}."),
}
_INTERNAL = ProblemError(
    500, "internal_error", "The server failed at this request. The reason is in its log."
)


def of_row(error: RowError) -> ProblemError:
    """Turn the error record of a request's only text into the problem of the request."""
    return ProblemError(_ROW_STATUS.get(error.code, 422), error.code, error.message)


def of_error(error: Exception) -> ProblemError:
    """Find the problem that stands for an exception; one that is not in the table is a 500."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, errors.TextError):
        return of_row(RowError(error.code, str(error)))
    if isinstance(error, errors.RequestRefused):  # by a model service, in these same words
        return ProblemError(error.status, error.code, error.detail)
    for kind, status, code in _TABLE:
        if isinstance(error, kind):
            headers = _retry_after(error) if status in {429, 503} else None
            return ProblemError(status, code, str(error), headers)
    return _INTERNAL


def _retry_after(error: Exception) -> dict[str, str]:
    seconds = error.retry_after_s if isinstance(error, errors.ServiceOverloaded) else 1
    return {"Retry-After": str(math.ceil(seconds))}


def of_framework(request: Request, error: HTTPException) -> ProblemError:
    """Turn what the router raises into a problem."""
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"  # as routing.py has it, which the framework does not know
    code, detail = _FRAMEWORK.get(
        error.status_code, (HTTPStatus(error.status_code).name.lower(), str(error.detail))
    )
    detail = detail.format(method=request.method, allow=headers.get("Allow", "other methods"))
    return ProblemError(error.status_code, code, detail, headers)


def response(refused: ProblemError) -> Response:
    """Write the problem document.

    Parameters
    ----------
    refused : ProblemError
        What it says, and the headers that go with it.
    """
    problem = Problem(
        title=HTTPStatus(refused.status).phrase,
        status=refused.status,
        code=refused.code,
        detail=refused.detail,
    )
    return with_headers(refused, msgspec.json.encode(problem), refused.status, MEDIA_TYPE)


def with_headers(refused: ProblemError, body: bytes, status: int, media_type: str) -> Response:
    """Make the response of a refusal, with its headers.

    Parameters
    ----------
    refused : ProblemError
    body : bytes
    status : int
        A dialect may have another one than ``refused``.
    media_type : str
        Of the body.
    """
    made = Response(body, status, media_type=media_type)
    for name, values in (refused.headers or {}).items():
        for value in (values,) if isinstance(values, str) else values:
            made.headers.append(name, value)
    return made
