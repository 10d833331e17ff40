"""Take in request bodies without trusting their size, their speed, their number or their type.

Reads:   headers and chunks of a request
Gives:   the bytes of a JSON body within the limits
Never:   keeps more than the limits in memory, of one body or of all that are arriving
"""

import asyncio
from collections.abc import Collection

from starlette.requests import ClientDisconnect, Request

from sentire.web.problems import ProblemError
from sentire.web.settings import Limits

# A client that is still sending does not read. What it sends beyond the limit is thrown away for
# this long, so that it gets to see the answer and not a reset connection.
_DRAIN_S = 2.0
_CLOSE = {"Connection": "close"}

_BODIES = 8
"""As many of the largest may arrive at once, where the settings do not say."""


class BodyReader:
    """Reads the request bodies of one application, all within one budget.

    Only bodies that arrive in pieces are counted: a small one comes whole, and is never refused
    because others are large or slow. What one held is given back when it has arrived or ended in
    any other way.

    Parameters
    ----------
    limits : Limits
        ``body_bytes`` for one body, ``arriving_bytes`` for all at once, ``request_s`` for the time
        that each may take.

    Attributes
    ----------
    n_arriving : int
        Bytes of bodies that have arrived in part.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget = limits.arriving_bytes or _BODIES * limits.body_bytes
        self.n_arriving = 0

    async def read_json(self, request: Request) -> bytes:
        """Read the body of a request that says it is JSON.

        Parameters
        ----------
        request : Request
            Of whose body nothing was read yet.

        Raises
        ------
        ProblemError
            415 another media type, charset or compression; 413 more bytes than allowed, counted
            while they come in; 408 slower than allowed; 429 more bytes of all bodies than allowed.
        ClientDisconnect
            The caller left.
        """
        return await self.read(request, types=("application/json",))

    async def read(self, request: Request, *, types: Collection[str]) -> bytes:
        """Read a body of one of some media types; ``""`` among them lets it bear none.

        Parameters
        ----------
        request : Request
            Of whose body nothing was read yet.
        types : collection of str
            Media types in lower case.

        Raises
        ------
        ProblemError, ClientDisconnect
            As :meth:`read_json`.
        """
        _check_type(request, types)
        try:
            async with asyncio.timeout(self._limits.request_s):
                return await self._read(request)
        except TimeoutError:
            raise ProblemError(
                408,
                "body_too_slow",
                f"The body did not arrive within {self._limits.request_s:g} s. "
                "Send it faster, or less.",
                _CLOSE,
            ) from None

    async def _read(self, request: Request) -> bytes:
        try:
            announced = request.headers.get("content-length", "")
            if announced.isdecimal() and int(announced) > self._limits.body_bytes:
                raise self._too_large()
            chunk, more = await _next(request)
            if more or len(chunk) > self._limits.body_bytes:
                return await self._collect(request, chunk, more=more)
        except ProblemError:
            await _drain(request)
            raise
        return chunk

    async def _collect(self, request: Request, chunk: bytes, *, more: bool) -> bytes:
        """Read what comes behind the first chunk."""
        chunks: list[bytes] = []
        n_held = 0
        try:
            while True:
                if n_held + len(chunk) > self._limits.body_bytes:
                    raise self._too_large()
                if self.n_arriving + len(chunk) > self._budget:
                    raise self._too_many()
                chunks.append(chunk)
                n_held += len(chunk)
                self.n_arriving += len(chunk)
                if not more:
                    return b"".join(chunks)
                chunk, more = await _next(request)
        finally:
            chunks.clear()  # a refusal on its way would hold them
            self.n_arriving -= n_held

    def _too_large(self) -> ProblemError:
        return ProblemError(
            413,
            "body_too_large",
            f"The body is larger than {self._limits.body_bytes:,} bytes. "
            "Send fewer texts in one request.",
            _CLOSE,
        )

    def _too_many(self) -> ProblemError:
        return ProblemError(
            429,
            "overloaded",
            f"Bodies of {self._budget:,} bytes are arriving already, which is what this server "
            "takes at once. Try again later, or with a smaller body.",
            {**_CLOSE, "Retry-After": "1"},
        )


async def _next(request: Request) -> tuple[bytes, bool]:
    """Receive a chunk, and whether more will come."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _check_type(request: Request, types: Collection[str]) -> None:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    if media_type.strip() not in types:
        came = f"is {media_type.strip()!r}" if media_type.strip() else "is missing"
        raise ProblemError(
            415,
            "unsupported_media_type",
            f"The Content-Type {came}. Send JSON with Content-Type: application/json.",
            {"Accept-Post": "application/json"},
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in {"utf-8", "utf8"}:
            charset = value.strip(' "')
            raise ProblemError(
                415, "unsupported_charset", f"The charset is {charset!r}. Send JSON in UTF-8."
            )
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise ProblemError(
            415,
            "unsupported_encoding",
            f"The Content-Encoding is {coding!r}. Send the body uncompressed.",
            {"Accept-Encoding": "identity"},
        )


async def _drain(request: Request) -> None:
    try:
        async with asyncio.timeout(_DRAIN_S):
            while (await request.receive()).get("more_body", False):
                pass
    except TimeoutError:
        return
