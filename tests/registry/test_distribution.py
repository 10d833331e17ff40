"""An OCI registry that asks who one is, and what other tools see in it."""

import base64
import json
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
from sentire.registry.pulling import open_source, pull
from sentire.registry.pushing import push
from sentire.registry.references import open_registry

# crypt("s3cret") with bcrypt, as htpasswd writes it
_HTPASSWD = "robot:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n"
_LOGIN = base64.b64encode(b"robot:s3cret").decode()


def login(monkeypatch, folder, host, auth=_LOGIN):
    """Write what ``docker login`` writes."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


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
            is_known = self.headers.get("Authorization") == f"Basic {_LOGIN}"
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


def test_a_registry_that_wants_a_token_gets_one_for_just_what_is_done(tmp_path, made, monkeypatch):
    tokens = Tokens()
    (tmp_path / "root.pem").write_bytes(tokens.certificate.public_bytes(serialization.Encoding.PEM))
    with token_server(tokens) as realm:
        more = (
            f"auth: {{token: {{realm: {realm}, service: models, issuer: tokens, "
            f"rootcertbundle: {tmp_path}/root.pem}}}}\n"
        )
        with oci_registry(tmp_path / "blobs", more=more) as host:
            login(monkeypatch, tmp_path / "docker", host)
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
