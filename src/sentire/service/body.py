"""Take in a request body without trusting its size, its speed or its type.

Reads:   headers and chunks of a request
Gives:   the bytes of a JSON body within the limits
Never:   keeps more than the limit in memory
"""

import asyncio
from collections.abc import Collection

from starlette.requests import Request

from sentire.config import Limits
from sentire.service.problems import Refused

# A client that is still sending does not read. What it sends beyond the limit is thrown away for
# this long, so that it gets to see the answer and not a reset connection.
_DRAIN_S = 2.0


async def read_json_body(request: Request, limits: Limits) -> bytes:
    """Read the body of a request that says it is JSON.

    Raises
    ------
    Refused
        415 another media type, charset or compression; 413 more bytes than allowed, counted while
        they come in; 408 slower than allowed.
    """
    return await read_body(request, limits, types=("application/json",))


async def read_body(request: Request, limits: Limits, *, types: Collection[str]) -> bytes:
    """Read a body of one of some media types; ``""`` among them lets it bear none.

    Raises
    ------
    Refused
        As :func:`read_json_body`.
    """
    _check_type(request, types)
    try:
        async with asyncio.timeout(limits.request_s):
            return await _read(request, limits.body_bytes)
    except TimeoutError:
        raise Refused(
            408,
            "body_too_slow",
            f"The body did not arrive within {limits.request_s:g} s. Send it faster, or less.",
            {"Connection": "close"},
        ) from None


def _check_type(request: Request, types: Collection[str]) -> None:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    if media_type.strip() not in types:
        came = f"is {media_type.strip()!r}" if media_type.strip() else "is missing"
        raise Refused(
            415,
            "unsupported_media_type",
            f"The Content-Type {came}. Send JSON with Content-Type: application/json.",
            {"Accept-Post": "application/json"},
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in {"utf-8", "utf8"}:
            charset = value.strip(' "')
            raise Refused(
                415, "unsupported_charset", f"The charset is {charset!r}. Send JSON in UTF-8."
            )
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise Refused(
            415,
            "unsupported_encoding",
            f"The Content-Encoding is {coding!r}. Send the body uncompressed.",
            {"Accept-Encoding": "identity"},
        )


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "")
    too_large = announced.isdecimal() and int(announced) > limit
    chunks: list[bytes] = []
    n_bytes = 0
    if not too_large:
        async for chunk in request.stream():
            n_bytes += len(chunk)
            if n_bytes > limit:
                too_large = True
                break
            chunks.append(chunk)
    if too_large:
        chunks.clear()
        await _drain(request)
        raise Refused(
            413,
            "body_too_large",
            f"The body is larger than {limit:,} bytes. Send fewer texts in one request.",
            {"Connection": "close"},
        )
    return b"".join(chunks)


async def _drain(request: Request) -> None:
    try:
        async with asyncio.timeout(_DRAIN_S):
            while (await request.receive()).get("more_body", False):
                pass
    except TimeoutError:
        return
