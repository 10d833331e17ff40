"""Lets in who has a key, where the server has keys.

Reads:   ``Authorization`` (Bearer, or Basic with the key as password) or ``X-API-Key``
Gives:   the request, with its caller, who shares the model evenly with the others; 401, 403 or 429
Never:   asks whether the server lives for a key: orchestrators have none
"""

import base64
import binascii
import math
from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sentire.request_context import CLIENT
from sentire.web.keys import Caller, Keys
from sentire.web.problems import ProblemError

CALLER: ContextVar[Caller | None] = ContextVar("sentire_caller", default=None)
"""Who asks; None where the server has no keys."""

# Browsers ask their user for a name and a key at "Basic", so that the page needs no log-in. They
# look at the first scheme of each field only, so each has a field of its own.
_CHALLENGE = {
    "WWW-Authenticate": ('Bearer realm="sentire"', 'Basic realm="sentire", charset="UTF-8"')
}
_HOW = "Send it as Authorization: Bearer KEY, or as X-API-Key: KEY."


class AuthMiddleware:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    keys : Keys
    open_paths : frozenset of str
        Paths that need no key.
    admin_prefix : str or None
        Paths that begin with it need the key of an administrator.
    """

    def __init__(
        self, app: ASGIApp, *, keys: Keys, open_paths: frozenset[str], admin_prefix: str | None
    ) -> None:
        self._app = app
        self._keys = keys
        self._open_paths, self._admin_prefix = open_paths, admin_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through.

        Raises
        ------
        ProblemError
            401 without a key or with one that is unknown; 403 with one that is not enough;
            429 where its holder asks too much.
        """
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            caller = self._admit(scope)
            CALLER.set(caller)
            CLIENT.set(caller.name)
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> Caller:
        presented = presented_key(Headers(scope=scope))
        if presented is None:
            raise ProblemError(
                401, "key_missing", f"This server asks for a key. {_HOW}", _CHALLENGE
            )
        caller = self._keys.find(presented)
        if caller is None:
            raise ProblemError(401, "key_unknown", f"The key is not known here. {_HOW}", _CHALLENGE)
        admin = self._admin_prefix
        if admin is not None and scope["path"].startswith(admin) and not caller.admin:
            raise ProblemError(
                403,
                "key_not_enough",
                "This key may not load or unload models. Use one whose line in the key file ends "
                "in admin.",
            )
        wait_s = caller.wait_s()
        if wait_s > 0:
            raise ProblemError(
                429,
                "rate_limited",
                "The holder of this key has asked for more texts a second than it may. "
                "Retry-After says when to come back.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        caller.charge(1)
        return caller


def presented_key(headers: Headers) -> str | None:
    """The key that a request bears; None where it bears none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return pair.partition(":")[2]
    return headers.get("x-api-key")


def charge(n_texts: int) -> None:
    """Count further texts of the request at hand, whose first was counted when it was let in."""
    caller = CALLER.get()
    if caller is not None:
        caller.charge(n_texts)
