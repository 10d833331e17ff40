import json
import pickle
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentire import errors
from sentire.protocols.native import wire as native
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web import problems
from sentire.web.settings import Limits, ServerSettings
from servers import running

LIMIT = 100_000
SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(body_bytes=LIMIT, texts=50, text_characters=5000, request_s=1.0),
)
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client(tiny_models):
    with (
        running(create_app(tiny_models, SETTINGS)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def check_problem(answer, status, code):
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        pytest.param(b"", 400, "malformed_json", "truncated", id="empty"),
        pytest.param(b'{"text": "a', 400, "malformed_json", "truncated", id="cut"),
        pytest.param(b"\x00\xff\x13garbage", 400, "malformed_json", "malformed", id="garbage"),
        pytest.param(b'{"text": NaN}', 400, "malformed_json", "", id="NaN"),
        pytest.param(b'{"text": "\xff\xfe"}', 400, "malformed_encoding", "UTF-8", id="not UTF-8"),
        pytest.param(
            '{"text": "a"}'.encode("utf-16"), 400, "malformed_encoding", "in UTF-16", id="UTF-16"
        ),
        pytest.param(
            ' {"text": "很好"}'.encode("utf-16-be"),
            400,
            "malformed_encoding",
            "in UTF-16. Send JSON in UTF-8",
            id="UTF-16 without a mark",
        ),
        pytest.param(
            '{"text": "a"}'.encode("utf-32-le"), 400, "malformed_encoding", "UTF-32", id="UTF-32"
        ),
        pytest.param(
            '{"text": "很好"}'.encode("gb18030"), 400, "malformed_encoding", "UTF-8", id="GB18030"
        ),
        pytest.param(
            b'{"texts": ' + b"[" * 40_000, 400, "malformed_json", "nested", id="deep and cut"
        ),
        pytest.param(
            b'{"texts": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
            400,
            "malformed_json",
            "nested",
            id="deep",
        ),
        pytest.param(b"[]", 422, "invalid_request", "Expected `object`", id="no object"),
        pytest.param(b"{}", 422, "invalid_request", "neither", id="neither text nor texts"),
        pytest.param(
            b'{"text": "a", "texts": []}', 422, "invalid_request", "both", id="text and texts"
        ),
        pytest.param(b'{"text": 5}', 422, "invalid_request", "$.text", id="text is a number"),
        pytest.param(b'{"texts": "abc"}', 422, "invalid_request", "$.texts", id="texts is a text"),
        pytest.param(
            b'{"text": "a", "sentnces": true}',
            422,
            "invalid_request",
            "`sentnces`",
            id="unknown field",
        ),
        pytest.param(
            b'{"text": "a", "on_long": "cut"}', 422, "invalid_request", "$.on_long", id="option"
        ),
        pytest.param(b'{"text": " \\u200b "}', 422, "empty_text", "empty", id="blank text"),
        pytest.param(
            b'{"text": "' + b"good " * 90 + b'", "on_long": "error"}',
            422,
            "text_too_long",
            "tokens",
            id="long",
        ),
        pytest.param(
            b'{"text": "' + b"x" * 5001 + b'"}', 413, "text_too_large", "5,000", id="large text"
        ),
        pytest.param(
            b'{"texts": [' + b'"a",' * 50 + b'"a"]}', 413, "too_many_texts", "51", id="many texts"
        ),
        pytest.param(
            b'{"text": "' + b"x" * LIMIT + b'"}', 413, "body_too_large", "100,000", id="large body"
        ),
    ],
)
def test_a_bad_body_is_answered_with_its_problem(client, body, status, code, said):
    answer = client.post("/predict", content=body, headers=JSON)
    assert said in check_problem(answer, status, code)["detail"]
    assert client.post("/predict", json={"text": "I love this"}).status_code == 200


def test_a_body_of_unknown_length_is_measured_while_it_comes_in(client):
    def chunks():
        yield b'{"text": "'
        for _ in range(20):
            yield b"x" * 50_000

    answer = client.post("/predict", content=chunks(), headers=JSON)
    assert "content-length" not in answer.request.headers
    check_problem(answer, 413, "body_too_large")


def test_a_body_that_stops_coming_is_answered_in_time(client):
    head = (
        b"POST /predict HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=20) as line:
        line.sendall(head)
        answer = b""
        while piece := line.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"body_too_slow"' in answer


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({}, "unsupported_media_type", id="none"),
        pytest.param({"Content-Type": "text/plain"}, "unsupported_media_type", id="plain text"),
        pytest.param(
            {"Content-Type": "application/x-www-form-urlencoded"},
            "unsupported_media_type",
            id="what curl -d says",
        ),
        pytest.param(
            {"Content-Type": "application/json; charset=gbk"}, "unsupported_charset", id="charset"
        ),
        pytest.param({**JSON, "Content-Encoding": "gzip"}, "unsupported_encoding", id="gzip"),
    ],
)
def test_a_body_of_another_type_is_not_read(client, headers, code):
    check_problem(client.post("/predict", content=b'{"text": "a"}', headers=headers), 415, code)


def test_utf_8_may_be_named_and_marked(client):
    headers = {"Content-Type": 'Application/JSON; Charset="UTF-8"'}
    body = '\ufeff{"text": "很好"}'.encode()
    assert client.post("/predict", content=body, headers=headers).json()["text"] == "很好"


def test_paths_and_methods_that_are_not_there_are_problems(client):
    check_problem(client.get("/nothing/{here}"), 404, "not_found")
    answer = client.get("/predict")
    assert "POST" in check_problem(answer, 405, "method_not_allowed")["detail"]
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(errors.Overloaded(9, 8), 429, "overloaded", id="overloaded"),
        pytest.param(errors.Closed("closed."), 503, "not_ready", id="closed"),
        pytest.param(
            errors.UnsupportedRequest("no emotion."), 422, "unsupported_request", id="unsupported"
        ),
        pytest.param(errors.OptionError("x is 1."), 422, "invalid_input", id="option"),
        pytest.param(errors.EmptyText(), 422, "empty_text", id="text"),
        pytest.param(errors.BackendError("at 0x7f"), 500, "internal_error", id="backend"),
        pytest.param(ZeroDivisionError("secret"), 500, "internal_error", id="a fault of ours"),
    ],
)
def test_every_error_has_its_status(error, status, code):
    refused = problems.of_error(error)
    assert (refused.status, refused.code) == (status, code)
    assert ("Retry-After" in (refused.headers or {})) == (status in {429, 503})
    if status == 500:
        assert str(error) not in refused.detail
    assert pickle.loads(pickle.dumps(refused)).detail == refused.detail


@given(
    st.binary(max_size=200) | st.text(alphabet='{}[]":,\\u d83textsa1', max_size=60).map(str.encode)
)
@settings(deadline=None)
def test_any_bytes_are_a_request_or_a_problem(body):
    try:
        status = 200 if isinstance(native.decode(body).all_texts, list) else None
    except problems.ProblemError as refused:
        status = refused.status
    assert status in {200, 400, 422}


@given(st.lists(st.text(), max_size=5))
def test_texts_arrive_as_they_were_sent(texts):
    assert native.decode(json.dumps({"texts": texts}).encode()).texts == texts
