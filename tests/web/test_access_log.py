import json
import logging
import re

import httpx
import pytest

from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.telemetry.logs import json_formatter
from sentire.web.keys import new_key
from sentire.web.settings import KeySettings
from servers import running


@pytest.fixture(scope="module")
def client(tiny_models):
    with (
        running(create_app(tiny_models, Settings())) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "given", ["a", "7f3a-1", "req:1/2.3+4=5@6", "x" * 128], ids=["short", "dash", "signs", "long"]
)
def test_an_id_that_is_given_comes_back(client, given):
    answer = client.post("/predict", json={"text": "a"}, headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "<script>", "é".encode()], ids=str)
def test_one_that_is_none_or_not_plain_is_replaced(client, given):
    headers = {} if given is None else {"X-Request-ID": given}
    ids = {client.get("/health/live", headers=headers).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)


def timing(answer):
    parts = (part.partition(";") for part in answer.headers["server-timing"].split(", "))
    return {name: float(value.partition("=")[2]) for name, _, value in parts}


def test_an_answer_says_where_its_time_went(client):
    found = timing(client.post("/predict", json={"texts": ["I love this", "太差了"] * 20}))
    assert set(found) == {"text", "queue", "model", "total"}
    assert 0 < found["text"] + found["model"] <= found["total"] + 0.1
    assert set(timing(client.get("/health/live"))) == {"total"}
    assert set(timing(client.post("/predict", json={"text": ""}))) == {"total"}


def test_refusals_bear_an_id_too(client):
    for answer in (
        client.get("/nothing"),
        client.post("/predict", json={}),
        client.get("/predict"),
    ):
        assert answer.status_code >= 400
        assert "x-request-id" in answer.headers


def test_the_log_is_json_where_it_is_wanted_and_holds_no_text(tiny_models, tmp_path, caplog):
    presented, key = new_key("shop")
    (tmp_path / "keys.txt").write_text(key.line())
    settings = Settings(keys=KeySettings(file=str(tmp_path / "keys.txt")))
    with (
        caplog.at_level(logging.INFO, "sentire"),
        running(create_app(tiny_models, settings)) as url,
    ):
        headers = {"X-API-Key": presented, "X-Request-ID": "mine"}
        body = {"text": "my secret text"}
        httpx.post(f"{url}/predict?q=secret", json=body, headers=headers, timeout=30)
        httpx.post(f"{url}/predict", json=body, timeout=30)
        httpx.get(f"{url}/secret", headers=headers)
    formatter = json_formatter()
    lines = [formatter.format(r) for r in caplog.records if r.name == "sentire.access"]
    first, second, third = map(json.loads, lines)
    assert {**first, "timestamp": "", "ms": 0, "event": ""} == {
        "timestamp": "", "level": "info", "logger": "sentire.access", "event": "",
        "method": "POST", "route": "/predict", "status": 200, "ms": 0,
        "request_id": "mine", "key": "shop",
    }  # fmt: skip
    assert (second["status"], "key" in second) == (401, False)
    assert (third["status"], third["route"]) == (404, "-")
    assert "secret" not in "".join(lines)
    assert presented not in "".join(lines)


FORGED = "x%0A2026-01-01 POST - 200 1.0 forged%0Asecret"


def test_what_was_sent_as_path_is_written_nowhere(tiny_models, tmp_path, caplog):
    presented, key = new_key("shop")
    (tmp_path / "keys.txt").write_text(key.line())
    settings = Settings(keys=KeySettings(file=str(tmp_path / "keys.txt")))
    mine = {"X-API-Key": presented}
    with (
        caplog.at_level(logging.INFO),
        running(create_app(tiny_models, settings)) as url,
        httpx.Client(base_url=url, headers={"X-Request-ID": "mine"}) as client,
    ):
        for method, path, headers in (
            ("GET", f"/{FORGED}", {}),
            ("GET", f"/{FORGED}", {**mine, "X-Request-Timeout": "soon"}),
            ("GET", f"/{FORGED}", mine),
            ("GET", f"/v2/models/{FORGED}", mine),
            ("LOCK", f"/v2/models/{FORGED}/infer", mine),
            ("GET", "/docs/files/forged", mine),
            ("GET", "/docs", mine),
        ):
            client.request(method, path, headers=headers)
        figures = client.get("/metrics", headers=mine).text
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("httpx")]
    lines = [r.getMessage() for r in caplog.records if r.name == "sentire.access"]
    assert [re.sub(r"[\d.]+ mine", "", line).split() for line in lines[:-1]] == [
        ["GET", "-", "401"],
        ["GET", "-", "400", "shop"],
        ["GET", "-", "404", "shop"],
        ["GET", "/v2/models/{name}", "404", "shop"],
        ["-", "/v2/models/{name}/infer", "405", "shop"],
        ["GET", "/docs/files", "404", "shop"],
        ["GET", "/docs", "200", "shop"],
    ]
    assert "forged" not in figures + "".join(logged)
