"""``HEAD`` wherever there is ``GET``, over real sockets."""

import socket

import httpx
import pytest

from sentire.gateway.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running


@pytest.fixture(scope="module")
def client(tiny_models):
    settings = Settings(server=ServerSettings(access_log=False))
    with (
        running(create_app(tiny_models, settings)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def gets(client):
    """Every path that programs may GET, and the pages for people."""
    paths = client.get("/openapi.json").json()["paths"]
    names = {"{name}": "tiny", "{version}": "0.0.1"}
    listed = {path for path, operations in paths.items() if "get" in operations}
    for variable, value in names.items():
        listed = {path.replace(variable, value) for path in listed}
    return listed | {"/", "/docs", "/docs/files/swagger-ui.css", "/openapi.json", "/static/app.js"}


def test_head_answers_as_get_does_without_a_body(client, gets):
    assert {"/metrics", "/health/live", "/health/ready", "/health", "/v2/health/ready"} < gets
    for path in gets:
        got, head = client.get(path), client.head(path)
        assert (path, head.status_code) == (path, got.status_code) == (path, 200)
        assert head.content == b""
        for name in ("content-type", "content-security-policy"):
            assert head.headers.get(name) == got.headers.get(name), path


def test_no_byte_of_a_body_is_sent(client):
    address = (client.base_url.host, client.base_url.port)
    with socket.create_connection(address, timeout=20) as line:
        line.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


def test_a_path_without_get_has_no_head_and_says_what_it_has(client):
    answer = client.head("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = client.post("/health/live")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert client.head("/nothing").status_code == 404
