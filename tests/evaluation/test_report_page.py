import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from records import one_hot, scored

from sentire.evaluation.assessment import assess, assess_together
from sentire.evaluation.behaviour.checks import read_checks
from sentire.evaluation.behaviour.suite import run_checks
from sentire.evaluation.page.plots import SIZE, confusion_cells, reliability_points
from sentire.evaluation.page.render import render_page
from sentire.evaluation.results import Report
from sentire.types import ModelInfo

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    '"><style>body{display:none}</style>',
    "{{ report.model }} {% raw %}",
    "مرحبا بالعالم",
    "房間太小，服務態度也很差。",
    "x" * 5000,
)


class Tags(HTMLParser):
    """Every tag of a page as a browser takes it apart."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def report(tiny_analyzer):
    """A report with everything a page can show."""
    generator = np.random.default_rng(2)
    gold = generator.integers(0, 3, 240)
    texts = [f"{HOSTILE[i % len(HOSTILE)]} {i}" for i in range(240)]
    probabilities = [generator.dirichlet((1, 1, 1), 240) for _ in range(2)]
    first, other = (scored(one_hot(gold), s, texts=texts, name="a<b>") for s in probabilities)
    second = scored(one_hot([0, 2] * 20), generator.dirichlet((1, 1, 1), 40), missing=(3,))
    emotions = scored(np.eye(7)[[0, 3, 4] * 9], generator.dirichlet([1] * 7, 27), head="emotion")
    return Report(
        model=ModelInfo("new", "2.0.0", "sha256:" + "a" * 64),
        engine="fake",
        sentire="1.0",
        made="2026-01-01T00:00:00+00:00",
        against=ModelInfo("old", "1.0.0", "sha256:" + "b" * 64),
        sets=[assess(first, other=other), assess(second), assess(emotions, missing=["anger"])],
        together=assess_together([first, second]),
        behaviour=run_checks(tiny_analyzer, read_checks()),
    )


@pytest.fixture(scope="module")
def page(report):
    return render_page(report)


def test_texts_are_shown_as_text(page):
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("<style") == 1
    assert "&lt;script&gt;document.title=" in page
    assert "{{ report.model }}" in page
    assert "x" * 600 + " …" in page
    assert "x" * 601 not in page


def test_the_page_loads_nothing_and_allows_only_its_own_style(page):
    tags, links = Tags(), re.compile("#set-[0-9]+")
    tags.feed(page)
    assert {name for name, _ in tags.seen} & {"script", "link", "img", "iframe", "object"} == set()
    for name, attributes in tags.seen:
        assert {key for key in attributes if key.startswith("on") or key == "src"} == set(), name
        assert links.fullmatch(attributes.get("href", "#set-1")), name
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page
    assert "style=" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_figures_stand_on_the_page(page, report):
    accuracy = report.sets[0].figures["accuracy"]
    assert f"{100 * accuracy.value:.1f} ({100 * accuracy.low:.1f} to" in page
    assert "Against old 1.0.0" in page
    assert "The model has no anger." in page
    assert "1 not scored: empty_text" in page
    assert f"{report.behaviour.passed} of {report.behaviour.n} checks passed" in page
    assert page.count("<svg") >= 5


def test_marks_lie_where_their_figures_say(report):
    for point in reliability_points(report.together[0].calibration[0].bins):
        assert point.x == pytest.approx(SIZE * point.bin.confidence, abs=0.06)
        assert SIZE - point.y == pytest.approx(SIZE * point.bin.accuracy, abs=0.06)
    cells = confusion_cells([[3, 1], [0, 0]])
    assert [cell.share for cell in cells] == [0.75, 0.25, 0, 0]
    assert [cell.right for cell in cells] == [True, False, False, True]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_whole_on_a_phone(page, tmp_path, scheme):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    requests, complaints = [], []
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shown = browser.new_context(
            viewport={"width": 390, "height": 800}, color_scheme=scheme
        ).new_page()
        shown.on("request", lambda request: requests.append(request.url))
        shown.on("console", lambda message: complaints.append(message.text))
        shown.goto(path.as_uri())
        shown.locator("summary").first.click()
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390
        assert shown.title() == "new 2.0.0: evaluation"
        colours = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        browser.close()
    assert requests == [path.as_uri()]
    assert complaints == []
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 30)"}[scheme]
