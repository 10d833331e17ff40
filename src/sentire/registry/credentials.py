"""Credentials for an OCI registry, as ``docker login`` and ``podman login`` keep them.

Reads:   ``config.json`` of docker and ``auth.json`` of podman: credentials, or the name of a helper
Gives:   the credentials for one host
Never:   keeps them: a helper is asked each time, because what some give is valid for hours only
"""

import base64
import binascii
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sentire.errors import RegistryUnavailable

_HELPER = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_S = 30.0
"""A helper may ask a service elsewhere, or a person for the key of a store."""
_NO_CREDENTIALS = "credentials not found"
"""What helpers say, with an exit status of 1, of a host that they know nothing of."""
_TOKEN_USER = "<token>"  # noqa: S105 - not a secret, but the name that stands for one
_HUB, _HUB_KEY = {"docker.io", "index.docker.io", "registry-1.docker.io"}, "index.docker.io/v1/"


class Credentials(NamedTuple):
    """What a registry, or the server that gives its tokens, is shown."""

    user: str
    secret: str

    @property
    def is_token(self) -> bool:
        """Whether the secret is an identity token, to be exchanged and not shown as a password."""
        return self.user == _TOKEN_USER

    @property
    def basic(self) -> str:
        """Value of ``Authorization``."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()


class _Entry(msgspec.Struct):
    auth: str = ""
    identitytoken: str = ""


class _File(msgspec.Struct):
    auths: dict[str, _Entry] = {}
    cred_helpers: dict[str, str] = msgspec.field(default_factory=dict, name="credHelpers")
    creds_store: str = msgspec.field(default="", name="credsStore")


class _Answer(msgspec.Struct):
    username: str = msgspec.field(name="Username")
    secret: str = msgspec.field(name="Secret")


_FILES, _ANSWERS = msgspec.json.Decoder(_File), msgspec.json.Decoder(_Answer)


def find_credentials(host: str, *, url: str) -> Credentials | None:
    """Look for the credentials of a host: of its own helper, of the store, and then in the file.

    Parameters
    ----------
    host : str
        ``HOST`` or ``HOST:PORT``.
    url : str
        Of the registry, for messages.

    Raises
    ------
    RegistryUnavailable
        A file names a helper that is not there, or that failed.
    """
    keys: tuple[str, ...] = (host, f"https://{host}")
    if host in _HUB:
        keys = (f"https://{_HUB_KEY}", _HUB_KEY, *keys)
    for place in _places():
        try:
            file = _FILES.decode(place.read_bytes())
        except (OSError, msgspec.MsgspecError):
            continue
        for key in keys:
            helper = file.cred_helpers.get(key) or file.creds_store
            found = _ask(helper, key, url=url) if helper else None
            found = found or _written(file.auths.get(key))
            if found is not None:
                return found
    return None


def _places() -> Iterator[Path]:
    home = Path.home()
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    yield Path(os.environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    yield Path(os.environ.get("XDG_RUNTIME_DIR") or home / ".config") / "containers" / "auth.json"


def _written(entry: _Entry | None) -> Credentials | None:
    if entry is None:
        return None
    if entry.identitytoken:
        return Credentials(_TOKEN_USER, entry.identitytoken)
    try:
        user, separator, secret = (
            base64.b64decode(entry.auth, validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Credentials(user, secret) if separator else None


def _ask(helper: str, key: str, *, url: str) -> Credentials | None:
    """Run ``docker-credential-HELPER get``; None where it knows nothing of the host."""
    program = f"docker-credential-{helper}"
    path = shutil.which(program) if _HELPER.fullmatch(helper) else None
    if path is None:
        raise RegistryUnavailable(
            url,
            f"its credentials are kept by {program!r}, which is not on the PATH. Install it, or "
            "take its name out of docker's config.json and log in again.",
        )
    try:
        done = subprocess.run(  # noqa: S603 - the program that docker itself runs, found on the PATH
            [path, "get"], input=key.encode(), capture_output=True, check=False, timeout=_HELPER_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        said = getattr(error, "strerror", None) or f"no answer within {_HELPER_S:g} s"
        raise RegistryUnavailable(url, f"{program}, which keeps its credentials: {said}") from None
    if done.returncode != 0:
        said = (done.stdout + b" " + done.stderr).decode(errors="replace").strip()
        if _NO_CREDENTIALS in said:
            return None
        line = said.partition("\n")[0][:200] or f"it ended with {done.returncode}"
        raise RegistryUnavailable(url, f"{program}, which keeps its credentials, failed: {line}")
    try:
        answer = _ANSWERS.decode(done.stdout)
    except msgspec.MsgspecError:
        raise RegistryUnavailable(
            url, f"{program}, which keeps its credentials, gave something else"
        ) from None
    return Credentials(answer.username, answer.secret) if answer.secret else None
