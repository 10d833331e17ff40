"""Refuse a request in the dialect that its path belongs to, before anybody has read its body.

Reads:   a refusal and the path of the request
Gives:   a problem document, or the shape that the clients of that path read
Never:   looks at bodies; ``/predict`` has our own shape until its body shows another dialect
"""

from collections.abc import Callable

from starlette.responses import Response

from sentire.service import problems
from sentire.service.problems import Refused
from sentire.service.wire import kserve, tei

EncodeError = Callable[[Refused], tuple[int, bytes]]
"""Writes a refusal in a dialect, and says with which status."""


def response(refused: Refused, path: str) -> Response:
    """Write a refusal as the clients of a path read it."""
    if path == "/v2" or path.startswith("/v2/"):
        return in_dialect(refused, kserve.encode_error)
    if path in {"/", "/info", "/health"}:
        return in_dialect(refused, tei.encode_error)
    return problems.response(refused)


def in_dialect(refused: Refused, encode_error: EncodeError) -> Response:
    """Write a refusal in a dialect."""
    status, body = encode_error(refused)
    return problems.with_headers(refused, body, status, "application/json")
