"""The HTTP of an OCI registry, as far as sentire needs it.

Reads:   the distribution API of OCI, credentials as ``docker login`` keeps them
Gives:   blobs, manifests and tags
Never:   sends credentials where nobody encrypts, save to this machine or where it was asked for; or
         to another host, save to the server of tokens that the registry names
"""

import hashlib
import re
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from sentire.errors import OptionError, RegistryUnavailable
from sentire.optional import import_extra
from sentire.proxies import by_way_of, is_loopback, open_client, proxy_of
from sentire.registry.base import CHUNK, MANIFEST_BYTES
from sentire.registry.credentials import Credentials, find_credentials

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_URL = re.compile(r"oci(\+http)?://([^/@?#]+)(?:/([a-z0-9][a-z0-9._/-]*))?/?")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_TRIES, _PAUSE_S = 5, 0.05
_PASSING = frozenset({500, 502, 503, 504})
"""A registry with many writers answers so at times to a read that succeeds a moment later."""
_TIMEOUT_S = 30.0
_CLIENT_ID = "sentire"
"""By which a server of tokens knows the program that asks."""


class OciNotFound(Exception):
    """There is no such blob, manifest or repository."""


class DistributionClient:
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
        It is no such URL, or the environment names a proxy that can't be used.
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
        self._wants_plain = bool(match[1])
        self._is_plain = self._wants_plain or is_loopback(f"http://{self._host}")
        self._httpx = import_extra("httpx", extra="registry", purpose="an OCI registry")
        base_url = f"{'http' if self._is_plain else 'https'}://{self._host}/v2/"
        self._way = by_way_of(proxy_of(base_url))
        self._client = open_client(
            self._httpx,
            base_url,
            base_url=base_url,
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
        """Name all repositories; many public registries don't say.

        Raises
        ------
        RegistryUnavailable
            The registry does not say, or can't be asked.
        """
        try:
            return self._pages("_catalog?n=1000", "repositories")
        except OciNotFound:
            raise RegistryUnavailable(
                self.url, "it does not list what it has. Name a model."
            ) from None

    def manifest(self, repository: str, tag: str) -> tuple[bytes, str]:
        """Read a manifest and its digest."""
        path = f"{repository}/manifests/{quote(tag)}"
        data = b"".join(self._read(path, headers={"Accept": MANIFEST_TYPE}, limit=MANIFEST_BYTES))
        return data, "sha256:" + hashlib.sha256(data).hexdigest()

    def put_manifest(self, repository: str, tag: str, data: bytes) -> None:
        """Write a manifest under a tag; what the tag named before is not asked.

        Parameters
        ----------
        repository, tag : str
        data : bytes
            The manifest, in JSON.
        """
        headers = {"Content-Type": MANIFEST_TYPE}
        path = f"{repository}/manifests/{quote(tag)}"
        self._request("PUT", path, scope=f"{repository}:pull,push", headers=headers, content=data)

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Remove a manifest and all its tags."""
        self._request(
            "DELETE", f"{repository}/manifests/{digest}", scope=f"{repository}:pull,push,delete"
        )

    def blob(self, repository: str, digest: str, *, limit: int) -> bytes:
        """Read a small blob, and check it.

        Parameters
        ----------
        repository : str
        digest : str
            ``sha256:`` and 64 hex digits.
        limit : int
            Bytes.

        Raises
        ------
        OciNotFound
            It is not there.
        RegistryUnavailable
            It has more than ``limit`` bytes or another digest, or the registry can't be asked.
        """
        data = b"".join(self._read(f"{repository}/blobs/{digest}", limit=limit))
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise RegistryUnavailable(self.url, f"blob {digest[:19]}… is not what its digest says")
        return data

    def stream(self, repository: str, digest: str, *, offset: int) -> Iterator[bytes]:
        """Read a blob from ``offset`` on, unchecked.

        Parameters
        ----------
        repository : str
        digest : str
            ``sha256:`` and 64 hex digits.
        offset : int
            Bytes.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        return self._read(f"{repository}/blobs/{digest}", headers=headers, offset=offset)

    def put_blob(self, repository: str, digest: str, source: Path | bytes) -> None:
        """Write a blob, where it is not there yet.

        Parameters
        ----------
        repository : str
        digest : str
            ``sha256:`` and 64 hex digits: of ``source``.
        source : Path or bytes
            A file, or what the blob holds.
        """
        scope = f"{repository}:pull,push"
        try:
            self._request("HEAD", f"{repository}/blobs/{digest}", scope=scope)
        except OciNotFound:
            pass
        else:
            return
        begun = self._request("POST", f"{repository}/blobs/uploads/", scope=scope)
        target = self._follow(begun, begun.headers.get("Location", ""), what="the upload")
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
            path = self._follow(answer, following, what="its list") if following else ""
        return [each for each in found if isinstance(each, str)]

    def _follow(self, answer: Any, location: str, *, what: str) -> str:
        """Where an answer sends us on; that is asked with credentials, so it is the registry."""
        target = urljoin(str(answer.url), location)
        if not self._is_own(target):
            raise RegistryUnavailable(self.url, f"it goes on with {what} at another host")
        return target

    def _is_own(self, url: Any) -> bool:
        own, other = self._client.base_url, self._httpx.URL(url)
        return (own.scheme, own.host, _port(own)) == (other.scheme, other.host, _port(other))

    def _request(self, method: str, path: str, *, scope: str = "", **parts: Any) -> Any:
        with self._translate_errors():
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
        with self._translate_errors():
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
        if not self._is_own(answer.url):  # where we were sent; our credentials are not for it
            return False
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        asked = dict(_CHALLENGE.findall(rest))
        found = find_credentials(self._host, url=self.url)
        if kind.lower() == "basic" and found and not found.is_token:
            before, self._authorization = self._authorization, {"Authorization": found.basic}
            return before != self._authorization
        realm = asked.get("realm", "")
        may_ask = realm.startswith("https://") or (
            realm.startswith("http://")
            and (self._wants_plain or (self._is_plain and is_loopback(realm)))
        )
        if kind.lower() != "bearer" or not may_ask:
            return False
        wanted = f"repository:{scope}" if scope else asked.get("scope", "")
        query = {"service": asked.get("service", ""), "scope": wanted}
        token = self._token(realm, {k: v for k, v in query.items() if v}, found)
        if token:
            self._authorization = {"Authorization": f"Bearer {token}"}
        return bool(token)

    def _token(self, realm: str, query: dict[str, str], found: Credentials | None) -> str:
        """Ask for a token; empty where the answer holds none."""
        with open_client(self._httpx, realm, timeout=_TIMEOUT_S) as client:
            if found is not None and found.is_token:
                exchange = {"grant_type": "refresh_token", "refresh_token": found.secret}
                answer = client.post(realm, data={**query, **exchange, "client_id": _CLIENT_ID})
            else:
                headers = {"Authorization": found.basic} if found else {}
                answer = client.get(realm, params=query, headers=headers)
        self._check(answer)
        try:
            return str(answer.json().get("token") or answer.json()["access_token"])
        except (ValueError, KeyError, AttributeError):
            return ""

    def _check(self, answer: Any) -> None:
        status = answer.status_code
        if status < 400:
            return
        if status == 404:
            raise OciNotFound
        if status in {401, 403}:
            reason = f"it refuses ({status}). Log in as for docker: docker login {self._host}"
        elif status == 405:
            reason = "it does not allow this (405); the one who runs it must switch it on"
        else:
            reason = f"it answers {status}"
        raise RegistryUnavailable(self.url, f"{reason}{self._way}")

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
            words = str(error) or type(error).__name__
            raise RegistryUnavailable(self.url, f"can't be reached{self._way}: {words}") from error


def _chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _port(url: Any) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)
