"""The HTTP of an OCI registry, as far as sentire needs it.

Reads:   the distribution API of OCI, credentials as ``docker login`` keeps them
Gives:   blobs, manifests and tags
Never:   sends credentials where nobody encrypts, save to this machine or where it was asked for
"""

import base64
import binascii
import hashlib
import json
import os
import re
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from sentire.errors import OptionError, RegistryUnavailable
from sentire.optional import import_extra
from sentire.registry.base import CHUNK, MANIFEST_BYTES

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_URL = re.compile(r"oci(\+http)?://([^/@?#]+)(?:/([a-z0-9][a-z0-9._/-]*))?/?")
_LOOPBACK = re.compile(r"(localhost|127(?:\.\d+){3}|\[::1\])(:\d+)?")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_TRIES, _PAUSE_S = 5, 0.05
_PASSING = frozenset({500, 502, 503, 504})
"""A registry with many writers answers so at times to a read that succeeds a moment later."""
_TIMEOUT_S = 30.0


class Missing(Exception):
    """There is no such blob, manifest or repository."""


class Distribution:
    """An OCI registry.

    Parameters
    ----------
    url : str
        ``oci://HOST[:PORT][/PATH]``. HTTPS, save where the host is this machine or the scheme is
        ``oci+http``.

    Attributes
    ----------
    path : str
        What repositories lie below; may be empty.
    close : function
        Closes the connections; so does the end of the object.

    Raises
    ------
    OptionError
        It is no such URL.
    MissingExtra
        httpx is not installed.
    """

    def __init__(self, url: str) -> None:
        match = _URL.fullmatch(url)
        if match is None:
            raise OptionError(f"registry {url}: write oci://HOST/PATH, the path in lower case.")
        self.url = url.rstrip("/")
        self.path = (match[3] or "").strip("/")
        self._host = match[2]
        self._is_plain = bool(match[1] or _LOOPBACK.fullmatch(self._host))
        self._httpx = import_extra("httpx", extra="registry", purpose="an OCI registry")
        self._client = self._httpx.Client(
            base_url=f"{'http' if self._is_plain else 'https'}://{self._host}/v2/",
            timeout=self._httpx.Timeout(_TIMEOUT_S, connect=5.0),
            follow_redirects=True,
        )
        self._authorization: dict[str, str] = {}
        # A server follows an alias for as long as it lives, and has no moment to close it.
        self.close = weakref.finalize(self, self._client.close)

    def tags(self, repository: str) -> list[str]:
        """Name all tags of a repository."""
        return self._pages(f"{repository}/tags/list?n=1000", "tags")

    def repositories(self) -> list[str]:
        """Name all repositories; many public registries don't say."""
        try:
            return self._pages("_catalog?n=1000", "repositories")
        except Missing:
            raise RegistryUnavailable(
                self.url, "it does not list what it has. Name a model."
            ) from None

    def manifest(self, repository: str, tag: str) -> tuple[bytes, str]:
        """Read a manifest and its digest."""
        path = f"{repository}/manifests/{quote(tag)}"
        data = b"".join(self._read(path, headers={"Accept": MANIFEST_TYPE}, limit=MANIFEST_BYTES))
        return data, "sha256:" + hashlib.sha256(data).hexdigest()

    def put_manifest(self, repository: str, tag: str, data: bytes) -> None:
        """Write a manifest under a tag; what the tag named before is not asked."""
        headers = {"Content-Type": MANIFEST_TYPE}
        path = f"{repository}/manifests/{quote(tag)}"
        self._request("PUT", path, scope=f"{repository}:pull,push", headers=headers, content=data)

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Remove a manifest and all its tags."""
        self._request(
            "DELETE", f"{repository}/manifests/{digest}", scope=f"{repository}:pull,push,delete"
        )

    def blob(self, repository: str, digest: str, *, limit: int) -> bytes:
        """Read a small blob, and check it."""
        data = b"".join(self._read(f"{repository}/blobs/{digest}", limit=limit))
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise RegistryUnavailable(self.url, f"blob {digest[:19]}… is not what its digest says")
        return data

    def stream(self, repository: str, digest: str, *, offset: int) -> Iterator[bytes]:
        """Read a blob from ``offset`` on, unchecked."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        return self._read(f"{repository}/blobs/{digest}", headers=headers, offset=offset)

    def put_blob(self, repository: str, digest: str, source: Path | bytes) -> None:
        """Write a blob, where it is not there yet."""
        scope = f"{repository}:pull,push"
        try:
            self._request("HEAD", f"{repository}/blobs/{digest}", scope=scope)
        except Missing:
            pass
        else:
            return
        begun = self._request("POST", f"{repository}/blobs/uploads/", scope=scope)
        target = urljoin(str(begun.url), begun.headers.get("Location", ""))
        if urlsplit(target)[1] != urlsplit(str(self._client.base_url))[1]:
            raise RegistryUnavailable(self.url, "it wants the upload at another host")
        target += ("&" if "?" in target else "?") + urlencode({"digest": digest})
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        content = source if isinstance(source, bytes) else _chunks(source)
        self._request("PUT", target, scope=scope, headers=headers, content=content)

    def _pages(self, path: str, key: str) -> list[str]:
        found: list[str] = []
        while path:
            answer = self._request("GET", path)
            try:
                found += answer.json().get(key) or []
            except (ValueError, AttributeError, TypeError):
                raise RegistryUnavailable(self.url, "its answer is no list") from None
            following = answer.links.get("next", {}).get("url", "")
            path = urljoin(str(answer.url), following) if following else ""
        return [each for each in found if isinstance(each, str)]

    def _request(self, method: str, path: str, *, scope: str = "", **parts: Any) -> Any:
        with self._told():
            answer = self._client.request(method, path, **self._signed(parts))
            if answer.status_code == 401 and self._login(answer, scope):
                answer = self._client.request(method, path, **self._signed(parts))
            self._check(answer)
            return answer

    def _read(
        self,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[bytes]:
        parts = {"headers": headers or {}}
        with self._told():
            for attempt in range(_TRIES):
                if attempt > 1:
                    time.sleep(_PAUSE_S * attempt)
                with self._client.stream("GET", path, **self._signed(parts)) as answer:
                    if answer.status_code == 401 and not attempt and self._login(answer, ""):
                        continue
                    if answer.status_code in _PASSING and attempt < _TRIES - 1:
                        continue
                    self._check(answer)
                    # Whoever knows no ranges sends the whole.
                    skip, n_bytes = (offset if answer.status_code != 206 else 0), 0
                    for chunk in answer.iter_bytes(CHUNK):
                        n_bytes += len(chunk)
                        if limit is not None and n_bytes > limit:
                            raise RegistryUnavailable(
                                self.url, f"answers with over {limit:,} bytes"
                            )
                        yield chunk[skip:]
                        skip = max(0, skip - len(chunk))
                    return

    def _signed(self, parts: dict[str, Any]) -> dict[str, Any]:
        return {**parts, "headers": {**parts.get("headers", {}), **self._authorization}}

    def _login(self, answer: Any, scope: str) -> bool:
        """Answer a challenge; False where there is nothing to answer with."""
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        asked = dict(_CHALLENGE.findall(rest))
        basic = _basic(self._host)
        if kind.lower() == "basic" and basic:
            before, self._authorization = self._authorization, {"Authorization": f"Basic {basic}"}
            return before != self._authorization
        realm = asked.get("realm", "")
        may_ask = realm.startswith("https://") or (self._is_plain and realm.startswith("http://"))
        if kind.lower() != "bearer" or not may_ask:
            return False
        wanted = f"repository:{scope}" if scope else asked.get("scope", "")
        query = {"service": asked.get("service", ""), "scope": wanted}
        answer = self._httpx.get(
            realm,
            params={key: value for key, value in query.items() if value},
            headers={"Authorization": f"Basic {basic}"} if basic else {},
            timeout=_TIMEOUT_S,
        )
        self._check(answer)
        try:
            token = answer.json().get("token") or answer.json()["access_token"]
        except (ValueError, KeyError, AttributeError):
            return False
        self._authorization = {"Authorization": f"Bearer {token}"}
        return True

    def _check(self, answer: Any) -> None:
        status = answer.status_code
        if status < 400:
            return
        if status == 404:
            raise Missing
        if status in {401, 403}:
            reason = f"it refuses ({status}). Log in as for docker: docker login {self._host}"
        elif status == 405:
            reason = "it does not allow this (405); the one who runs it must switch it on"
        else:
            reason = f"it answers {status}"
        raise RegistryUnavailable(self.url, reason)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
            words = str(error) or type(error).__name__
            raise RegistryUnavailable(self.url, f"can't be reached: {words}") from error


def _chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _basic(host: str) -> str:
    """Credentials for a host as ``docker login`` or ``podman login`` wrote them, if any."""
    home = Path.home()
    places = [
        Path(os.environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json",
        Path(os.environ.get("XDG_RUNTIME_DIR") or home / ".config") / "containers" / "auth.json",
    ]
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        places.insert(0, Path(named))
    for place in places:
        try:
            entry = json.loads(place.read_bytes())["auths"][host]["auth"]
            base64.b64decode(entry, validate=True)
        except (OSError, ValueError, KeyError, TypeError, binascii.Error):
            continue
        return str(entry)
    return ""
