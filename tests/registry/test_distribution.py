"""An OCI registry that asks who one is, and what other tools see in it."""

import base64
import json
import os
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ociregistry import oci_registry
from sentire.errors import RegistryUnavailable
from sentire.registry.aliases import promote
from sentire.registry.credentials import find_credentials
from sentire.registry.download import open_source, pull
from sentire.registry.references import open_registry
from sentire.registry.upload import push

# crypt("s3cret") with bcrypt, as htpasswd writes it
_HTPASSWD = "robot:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n"
_LOGIN = base64.b64encode(b"robot:s3cret").decode()


def login(monkeypatch, folder, host, auth=_LOGIN):
    """Write what ``docker login`` writes."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def helper(monkeypatch, folder, name, script):
    """Put a credential helper on the PATH."""
    program = folder / f"docker-credential-{name}"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def knows(host, user, secret):
    """Script of a helper that knows one host, and says what real ones say of others."""
    answer = json.dumps({"ServerURL": host, "Username": user, "Secret": secret})
    return (
        '[ "$1" = get ] || exit 3; read -r host\n'
        f"[ \"$host\" = {host} ] && echo '{answer}' && exit\n"
        'echo "credentials not found in native keychain"; exit 1'
    )


def configured(monkeypatch, folder, **config):
    """Write ``config.json`` of docker, and let nobody else's be found."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


def test_other_tools_see_an_artifact_with_named_layers_and_the_alias_as_a_tag(oci, made):
    with open_registry(f"oci://{oci}/seen") as registry:
        push(registry, made / "1.0.0")
        push(registry, made / "3.0.0+b.1")
        promote(registry, "tiny", "1.0.0", "production")
        promote(registry, "tiny", "3.0.0+b.1", "production")
    base = f"http://{oci}/v2/seen/tiny"
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    tagged = httpx.get(f"{base}/manifests/production", headers=accept)
    version = httpx.get(f"{base}/manifests/3.0.0_b.1", headers=accept)
    assert tagged.headers["docker-content-digest"] == version.headers["docker-content-digest"]
    manifest = version.json()
    assert manifest["artifactType"] == "application/vnd.sentire.bundle.v1"
    assert manifest["config"]["mediaType"] == "application/vnd.sentire.bundle.v1+json"
    assert manifest["annotations"]["org.opencontainers.image.version"] == "3.0.0+b.1"
    for layer in manifest["layers"]:
        name = layer["annotations"]["org.opencontainers.image.title"]
        blob = httpx.get(f"{base}/blobs/{layer['digest']}").content
        assert blob == (made / "3.0.0+b.1" / name).read_bytes()


def test_a_registry_that_asks_for_a_password_gets_the_one_of_docker_login(
    tmp_path, made, monkeypatch
):
    (tmp_path / "htpasswd").write_text(_HTPASSWD)
    more = f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/htpasswd}}}}\n"
    with oci_registry(tmp_path / "blobs", more=more) as host:
        url = f"oci://{host}/models"
        wrong = base64.b64encode(b"robot:wrong").decode()
        for auth in (None, wrong):
            login(monkeypatch, tmp_path / "docker", host if auth else "other", auth or _LOGIN)
            with (
                open_registry(url) as registry,
                pytest.raises(RegistryUnavailable, match=rf"docker login {host}") as raised,
            ):
                push(registry, made / "1.0.0")
            assert wrong not in str(raised.value)
        login(monkeypatch, tmp_path / "docker", host)
        with open_registry(url) as registry:
            push(registry, made / "1.0.0")
            pull(open_source(registry, "tiny", "1.0.0"), tmp_path / "out")


@pytest.mark.parametrize("kind", ["credHelpers", "credsStore"])
def test_a_credential_helper_is_asked(tmp_path, made, monkeypatch, kind):
    (tmp_path / "htpasswd").write_text(_HTPASSWD)
    more = f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/htpasswd}}}}\n"
    with oci_registry(tmp_path / "blobs", more=more) as host:
        helper(monkeypatch, tmp_path / "bin", "robots", knows(host, "robot", "s3cret"))
        named = "robots" if kind == "credsStore" else {host: "robots", "other": "no-such-helper"}
        configured(monkeypatch, tmp_path / "docker", **{kind: named}, auths={host: {}})
        with open_registry(f"oci://{host}/models") as registry:
            push(registry, made / "1.0.0")
            pull(open_source(registry, "tiny", "1.0.0"), tmp_path / "out")


def test_what_a_helper_does_not_know_is_looked_for_in_the_file(tmp_path, monkeypatch):
    helper(monkeypatch, tmp_path / "bin", "robots", knows("elsewhere", "robot", "wrong"))
    auths = {"here:5000": {"auth": _LOGIN}, "token": {"identitytoken": "abc"}, "bad": {"auth": "?"}}
    configured(monkeypatch, tmp_path / "docker", credsStore="robots", auths=auths)
    found = [find_credentials(host, url="oci://x") for host in ("here:5000", "token", "bad", "no")]
    assert found == [("robot", "s3cret"), ("<token>", "abc"), None, None]


def test_docker_hub_is_known_by_its_old_name(tmp_path, monkeypatch):
    known = knows("https://index.docker.io/v1/", "me", "mine")
    helper(monkeypatch, tmp_path / "bin", "robots", known)
    configured(monkeypatch, tmp_path / "docker", credsStore="robots")
    assert find_credentials("registry-1.docker.io", url="oci://x") == ("me", "mine")


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        pytest.param("gone", None, "'docker-credential-gone', which is not on the PATH", id="gone"),
        pytest.param("../robots", None, "not on the PATH", id="a path"),
        pytest.param("robots", "echo locked; exit 1", "failed: locked", id="fails"),
        pytest.param("robots", "exit 7", "failed: it ended with 7", id="says nothing"),
        pytest.param("robots", "echo s3cret", "gave something else", id="no JSON"),
    ],
)
def test_a_helper_that_fails_is_named(tmp_path, monkeypatch, name, script, said):
    if script is not None:
        helper(monkeypatch, tmp_path / "bin", name, script)
    configured(monkeypatch, tmp_path / "docker", credsStore=name)
    with pytest.raises(RegistryUnavailable, match=said) as raised:
        find_credentials("host", url="oci://host")
    assert "s3cret" not in str(raised.value)


class Recorded(BaseHTTPRequestHandler):
    """Answers as its class says, and keeps what it was asked and shown."""

    def do_GET(self):
        self.seen.append((self.path, self.headers.get("Authorization")))
        status, headers, body = self.answers.get(self.path, (404, {}, {}))
        if self.password and self.headers.get("Authorization") != self.password:
            status, headers, body = 401, {"WWW-Authenticate": 'Basic realm="x"'}, {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@contextmanager
def recorded(answers, *, password=None):
    """Serve some answers; gives the address and the list of what was asked."""
    seen = []
    members = {"answers": answers, "password": password, "seen": seen}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Recorded,), members)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def test_a_list_that_goes_on_at_another_host_is_refused_and_shown_no_credentials(
    tmp_path, monkeypatch
):
    pages = {}
    with recorded({}) as (other, stolen), recorded(pages, password=f"Basic {_LOGIN}") as (host, _):
        login(monkeypatch, tmp_path / "docker", host)
        first, second = "/v2/models/tiny/tags/list?n=1000", "/v2/models/tiny/tags/list?last=1"
        pages[second] = (200, {}, {"tags": ["2.0.0"]})
        for link, following in (("own", second), ("other", f"http://{other}/v2/tags")):
            pages[first] = (200, {"Link": f'<{following}>; rel="next"'}, {"tags": ["1.0.0"]})
            with open_registry(f"oci://{host}/models") as registry:
                if link == "own":
                    assert registry.versions("tiny") == ["1.0.0", "2.0.0"]
                    continue
                with pytest.raises(RegistryUnavailable, match="its list at another host"):
                    registry.versions("tiny")
    assert stolen == []


def test_who_is_redirected_to_shows_no_credentials_and_gets_none_on_demand(tmp_path, monkeypatch):
    tags = "/v2/models/tiny/tags/list?n=1000"
    moved = {}
    with (
        recorded({}, password="Basic another") as (other, stolen),
        recorded(moved, password=f"Basic {_LOGIN}") as (host, _),
    ):
        moved[tags] = (307, {"Location": f"http://{other}/tags"}, {})
        login(monkeypatch, tmp_path / "docker", host)
        with (
            open_registry(f"oci://{host}/models") as registry,
            pytest.raises(RegistryUnavailable, match="refuses"),
        ):
            registry.versions("tiny")
    assert {shown for _, shown in stolen} == {None}


class Tokens:
    """A token server as public registries have one: a signed permission for each scope."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tokens")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.scopes = []

    def token(self, scope, service):
        self.scopes.append(scope)
        kind, name, actions = scope.split(":") if scope else ("", "", "")
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        now = int(time.time())
        body = {
            "iss": "tokens", "sub": "robot", "aud": service, "jti": "1",
            "iat": now, "nbf": now - 60, "exp": now + 300,
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}] if kind else [],
        }  # fmt: skip
        signed = b".".join(_base64(json.dumps(part).encode()) for part in (head, body))
        signature = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _base64(signature)).decode()


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@contextmanager
def token_server(tokens):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            self._answer(query, self.headers.get("Authorization") == f"Basic {_LOGIN}")

        def do_POST(self):
            query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            wanted = {"grant_type": ["refresh_token"], "refresh_token": ["identity"]}
            is_known = wanted.items() <= query.items() and bool(query["client_id"])
            self._answer(query, is_known)

        def _answer(self, query, is_known):
            self.send_response(200 if is_known else 401)
            self.end_headers()
            if is_known:
                scope, service = (query.get(key, [""])[0] for key in ("scope", "service"))
                self.wfile.write(json.dumps({"token": tokens.token(scope, service)}).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("by", ["password", "identity token of a helper"])
def test_a_registry_that_wants_a_token_gets_one_for_just_what_is_done(
    tmp_path, made, monkeypatch, by
):
    tokens = Tokens()
    (tmp_path / "root.pem").write_bytes(tokens.certificate.public_bytes(serialization.Encoding.PEM))
    with token_server(tokens) as realm:
        more = (
            f"auth: {{token: {{realm: {realm}, service: models, issuer: tokens, "
            f"rootcertbundle: {tmp_path}/root.pem}}}}\n"
        )
        with oci_registry(tmp_path / "blobs", more=more) as host:
            if by == "password":
                login(monkeypatch, tmp_path / "docker", host)
            else:
                helper(monkeypatch, tmp_path / "bin", "robots", knows(host, "<token>", "identity"))
                configured(monkeypatch, tmp_path / "docker", credHelpers={host: "robots"})
            with open_registry(f"oci://{host}/models") as registry:
                push(registry, made / "1.0.0")
                promote(registry, "tiny", "1.0.0", "live")
                pull(open_source(registry, "tiny", "1.0.0"), tmp_path / "out")
    assert "repository:models/tiny:pull,push" in tokens.scopes
    assert set(tokens.scopes) <= {
        "repository:models/tiny:pull,push",
        "repository:models/tiny:push,pull",
        "repository:models/tiny:pull",
    }
