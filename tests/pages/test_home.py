import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.gateway.app import create_app
from sentire.pages import home
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running

STATIC = Path(home.__file__).parent / "static"


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, Settings(server=ServerSettings(access_log=False)))) as url:
        yield url


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        pytest.param("", "en", id="nothing said"),
        pytest.param("zh-CN,zh;q=0.9,en;q=0.8", "zh", id="a Chinese browser"),
        pytest.param("en-US,en;q=0.9,zh;q=0.8", "en", id="an English browser"),
        pytest.param("fr, zh-Hant;q=0.5, en;q=0.4", "zh", id="by weight"),
        pytest.param("zh;q=0, en;q=0.1", "en", id="refused"),
        pytest.param("de,fr", "en", id="neither"),
    ],
)
def test_the_browser_s_language_chooses_the_interface(accept, language):
    assert home.preferred_language(accept) == language


@given(st.text())
def test_any_header_chooses_some_language(accept):
    assert home.preferred_language(accept) in {"en", "zh"}


def test_the_page_comes_translated_and_the_cookie_wins(url):
    import httpx

    chinese = httpx.get(url, headers={"Accept-Language": "zh-CN"}).text
    english = httpx.get(url, headers={"Accept-Language": "zh-CN"}, cookies={"language": "en"}).text
    assert '<html lang="zh">' in chinese
    assert ">分析</button>" in chinese
    assert '<html lang="en">' in english
    assert ">Analyze</button>" in english


def test_both_languages_say_everything_that_is_asked_for():
    messages = json.loads((STATIC / "messages.json").read_text(encoding="utf-8"))
    assert set(messages["en"]) == set(messages["zh"])
    assert set(messages["en"]["languages"]) == set(messages["zh"]["languages"])
    asked = set(re.findall(r'data-text="(\w+)"', (STATIC / "index.html").read_text("utf-8")))
    asked |= set(re.findall(r"words\(\)\.(\w+)", (STATIC / "app.js").read_text("utf-8")))
    assert asked <= set(messages["en"])


def test_the_files_name_no_other_host_and_write_no_html():
    for file in STATIC.iterdir():
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*$|\s//\s.*$", "", text, flags=re.M), file.name
        assert "innerHTML" not in text
        assert "style=" not in text
