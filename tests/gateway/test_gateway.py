import httpx
import pytest
import requests

from sentire.gateway.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running


@pytest.fixture(scope="module")
def url(tiny_models):
    settings = Settings(server=ServerSettings(access_log=False))
    with running(create_app(tiny_models, settings)) as url:
        yield url


def test_the_tutorial_client_works_unchanged(url, tiny_analyzer):
    answer = requests.post(url + "/analyze", json={"text": "这个产品使用体验非常棒！"}).json()
    expected = tiny_analyzer.analyze("这个产品使用体验非常棒！")
    assert list(answer)[:3] == ["text", "label", "score"]
    assert answer["text"] == "这个产品使用体验非常棒！"
    assert (answer["label"], answer["score"]) == (expected.label, expected.score)


def test_analyze_and_predict_give_the_same_answer(url):
    body = {"texts": ["I love this", "", "太差了"], "sentences": True}
    answers = [httpx.post(url + path, json=body).json() for path in ("/analyze", "/predict")]
    assert answers[0] == answers[1]
    assert len(answers[0]["predictions"]) == 3


@pytest.mark.parametrize(
    "path",
    ["/", "/static/app.js", "/docs", "/openapi.json", "/health/ready", "/nothing", "/analyze"],
)
def test_every_answer_carries_the_security_headers(url, path):
    headers = httpx.get(url + path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/static/../page.py", "/static/%2e%2e/page.py", "/static/nothing.js", "/nothing"]
)
def test_what_is_not_there_is_a_problem_document(url, path):
    answer = httpx.get(url + path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_openapi_lists_what_programs_may_use(url):
    document = httpx.get(url + "/openapi.json").json()
    by_tag = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for tag in operation["tags"]:
                by_tag[tag].append(path)
    kserve = by_tag.pop("KServe")
    assert by_tag == {
        "sentire": ["/analyze", "/predict"],
        "Hugging Face": ["/"],
        "Text Embeddings Inference": ["/", "/health", "/info"],
        "Operations": ["/metrics", "/health/live", "/health/ready"],
    }
    assert "/v2/models/{name}/infer" in kserve
    assert all(path.startswith("/v2") for path in kserve)
