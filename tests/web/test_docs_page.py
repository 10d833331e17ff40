"""The page at ``/docs`` in a real Chromium: it shows every example and sends requests."""

import shutil

import httpx
import pytest

from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.keys import new_key
from sentire.web.settings import KeySettings, ServerSettings
from servers import running

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
PREDICT = "#operations-sentire-predict"
CLASSIFY = "#operations-Text_Embeddings_Inference-classify"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, Settings(server=ServerSettings(access_log=False)))) as url:
        yield url


@pytest.fixture(scope="module")
def guarded(tiny_models, tmp_path_factory):
    """A server that asks for keys, and one of them."""
    presented, key = new_key("shop")
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    file.write_text(key.line())
    settings = Settings(server=ServerSettings(access_log=False), keys=KeySettings(file=str(file)))
    with running(create_app(tiny_models, settings)) as url:
        yield url, presented


@pytest.fixture
def open_docs(browser):
    """Open the page of a server; it may ask no other host, and write nothing to the console."""
    contexts, asked, complaints = [], [], []

    def open_docs(url, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append((url, request.url)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{url}/docs")
        page.wait_for_selector(".opblock")
        return page

    yield open_docs
    for context in contexts:
        context.close()
    assert asked
    own = [where.startswith((url, "data:")) for url, where in asked]
    assert all(own), asked
    assert complaints == []


def execute(page, operation, path):
    with page.expect_response(f"**{path}") as answer:
        page.click(f"{operation} .execute")
    shown = page.locator(f"{operation} .live-responses-table .response-col_status").nth(1)
    playwright.expect(shown).to_contain_text(str(answer.value.status))
    return answer.value


def test_each_dialect_has_its_place(open_docs, url):
    page = open_docs(url)
    tags = page.locator(".opblock-tag").evaluate_all("all => all.map(one => one.dataset.tag)")
    assert tags == ["sentire", "Hugging Face", "Text Embeddings Inference", "KServe", "Operations"]


def test_a_request_is_sent_and_its_answer_shown(open_docs, url):
    page = open_docs(url)
    page.click(f"{PREDICT} .opblock-summary-control")
    page.fill(f"{PREDICT} textarea", '{"text": "房间很大，但是服务太差了。"}')
    answer = execute(page, PREDICT, "/predict")
    shown = page.text_content(f"{PREDICT} .live-responses-table .highlight-code")
    assert answer.status == 200
    assert answer.json()["model"]["digest"] in shown
    assert "房间很大，但是服务太差了。" in shown


def test_a_path_asks_for_its_parts(open_docs, url):
    page = open_docs(url)
    infer = "#operations-KServe-v2_model_infer"
    page.click(f"{infer} .opblock-summary-control")
    page.fill(f"{infer} .parameters input", "tiny")
    answer = execute(page, infer, "/v2/models/tiny/infer")
    assert answer.json()["model_name"] == "tiny"


def test_every_example_is_shown_whole_and_works(open_docs, url):
    document = httpx.get(f"{url}/openapi.json").json()
    page = open_docs(url)
    for operation, path in ((PREDICT, "/predict"), (CLASSIFY, "/")):
        page.click(f"{operation} .opblock-summary-control")
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert len(body["examples"]) >= 2
        for name, example in body["examples"].items():
            page.select_option(f"{operation} .examples-select-element", name)
            area = page.locator(f"{operation} textarea")
            shown = area.evaluate("one => JSON.parse(one.value)")
            assert shown == example["value"]
            assert area.evaluate("one => one.scrollHeight <= one.clientHeight"), name
            assert area.evaluate("one => one.scrollWidth <= one.clientWidth"), name
            assert httpx.post(url + path, json=shown).status_code == 200


def test_a_browser_asks_for_a_key_and_shows_the_page(open_docs, guarded):
    url, presented = guarded
    page = open_docs(url, http_credentials={"username": "me", "password": presented})
    page.click(f"{PREDICT} .opblock-summary-control")
    assert execute(page, PREDICT, "/predict").status == 200


def test_another_key_can_be_given_on_the_page(open_docs, guarded):
    url, presented = guarded
    page = open_docs(url, http_credentials={"username": "me", "password": presented})
    page.click(".btn.authorize")
    page.fill("#api_key_value", "sentire_unknown")
    page.locator(".auth-container").nth(1).locator(".modal-btn.authorize").click()
    page.click(".btn-done")
    page.click(f"{PREDICT} .opblock-summary-control")
    with page.expect_request("**/predict") as sent:
        execute(page, PREDICT, "/predict")
    assert sent.value.headers["x-api-key"] == "sentire_unknown"


def test_the_document_says_who_needs_a_key(url, guarded):
    document = httpx.get(f"{url}/openapi.json").json()
    assert "security" not in document
    url, presented = guarded
    document = httpx.get(f"{url}/openapi.json", headers={"X-API-Key": presented}).json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    assert document["security"] == [{"bearer": []}, {"header": []}]
    assert document["paths"]["/health/live"]["get"]["security"] == []
    assert "security" not in document["paths"]["/predict"]["post"]
