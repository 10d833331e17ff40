"""The page in a real Chromium."""

import shutil

import pytest

from sentire.gateway.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, Settings(server=ServerSettings(access_log=False)))) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, url):
    """Open the page; it may ask no other host for anything, and write nothing to the console."""
    contexts, requests, complaints = [], [], []

    def open_page(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert [request for request in requests if not request.startswith(url)] == []
    assert complaints == []


def analyze(page, text):
    page.fill("#text", text)
    with page.expect_response("**/analyze"):
        page.click("#analyze")
    playwright.expect(page.locator("#analyze")).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("房间很大，但是服务太差了。", id="Chinese"),
        pytest.param("The room is big. The staff is rude.", id="English"),
        pytest.param("😀👍🏽 很好！\n太差了。", id="characters outside the basic plane"),
    ],
)
def test_a_typed_text_gets_label_bars_and_coloured_sentences(open_page, tiny_analyzer, text):
    page = open_page(locale="en-US")
    analyze(page, text)
    expected = tiny_analyzer.analyze(text, sentences=True)
    assert page.text_content("#label") == expected.label
    assert page.text_content("#score") == f"{100 * expected.score:.1f} %"
    assert page.locator(".bar").count() == 3
    assert page.locator(f".bar.{expected.label}").bounding_box()["width"] > 50
    marks = page.locator("#sentences mark")
    shown = marks.all_text_contents()
    assert page.text_content("#sentences") == text
    assert len(shown) == len(expected.sentences) >= 2
    for index, sentence in enumerate(expected.sentences):
        assert shown[index] == text[sentence.start : sentence.end]
        assert marks.nth(index).get_attribute("class") == sentence.label
        assert f"{100 * sentence.score:.1f} %" in marks.nth(index).get_attribute("title")
    assert page.text_content("#model") == "tiny 0.0.1"


def test_markup_in_a_text_stays_text(open_page):
    page = open_page()
    text = '<script>document.title = "broken"</script><img src=x onerror="document.title=1"> & 很好'
    analyze(page, text)
    assert page.text_content("#sentences") == text
    assert page.title() == "sentire"
    assert page.locator("#sentences img, #sentences script").count() == 0


def test_the_interface_changes_its_language_and_stays_so(open_page):
    page = open_page(locale="zh-CN")
    assert page.text_content("#analyze") == "分析"
    analyze(page, "I love this")
    chinese = page.text_content("#label")
    page.click("#language")
    assert page.text_content("#analyze") == "Analyze"
    assert (chinese, page.text_content("#label")) in {
        ("负面", "negative"),
        ("中性", "neutral"),
        ("正面", "positive"),
    }
    assert page.input_value("#text") == "I love this"
    page.reload()
    assert page.text_content("#analyze") == "Analyze"


def test_ctrl_enter_and_examples_ask_at_once(open_page):
    page = open_page(locale="en-US")
    page.locator(".example").first.click()
    playwright.expect(page.locator("#result")).to_be_visible()
    assert page.text_content("#sentences") == page.input_value("#text")
    page.fill("#text", "太差了")
    with page.expect_response("**/analyze"):
        page.press("#text", "Control+Enter")
    playwright.expect(page.locator("#sentences")).to_have_text("太差了")


def test_a_problem_is_said_in_the_reader_s_language_and_the_old_answer_goes(browser, url):
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(url)
    analyze(page, "很好")
    analyze(page, "\u200b")
    assert "空的" in page.text_content("#problem")
    assert not page.is_visible("#result")
    context.set_offline(True)
    page.click("#analyze")
    playwright.expect(page.locator("#problem")).to_contain_text("没有回应")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(open_page, scheme):
    page = open_page(color_scheme=scheme, viewport={"width": 390, "height": 844})
    analyze(page, "房间很大。服务太差了！The view was lovely. I love this. 还行吧。")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(
        """for (const label of ["positive", "neutral", "negative"]) {
             const mark = document.createElement("mark");
             mark.className = label; mark.textContent = label;
             document.getElementById("sentences").append(mark);
           }"""
    )
    ratios = page.evaluate(CONTRAST)
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}
    assert {"mark.positive", "mark.negative", "mark.neutral", "button#analyze"} <= set(ratios)


# Contrast ratio as WCAG 2.2 defines it, of every element that has text of its own.
CONTRAST = """() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = rgb(color).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    return rgb(color)[3] === 0 && node.parentElement ? ground(node.parentElement) : color;
  };
  const ratios = {};
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    if (parseFloat(style.fontSize) >= 24) continue; // large text needs only 3 : 1
    const [high, low] = [light(style.color), light(ground(node))].sort((a, b) => b - a);
    const name = node.tagName.toLowerCase() + (node.id ? "#" + node.id : node.className ? "." + node.className : "");
    ratios[name] = Math.min(ratios[name] ?? 99, (high + 0.05) / (low + 0.05));
  }
  return ratios;
}"""  # noqa: E501
