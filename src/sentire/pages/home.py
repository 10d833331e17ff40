"""The first page, where a person types a text: a few static files and a choice of language.

It is plain HTML and one script rather than a NiceGUI page, because NiceGUI 3 needs inline script
and ``eval``: no content security policy that stops injected script would let it run, and this page
shows what strangers wrote.

Reads:   the files beside this module; ``Accept-Language`` and the cookie ``language``
Gives:   routes for the gateway
Never:   sees a text; the page sends it to ``/analyze``
"""

import html
import json
import re
from importlib.metadata import version
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

_STATIC = Path(__file__).parent / "static"
_EMPTY_ELEMENT = re.compile(r'data-text="(\w+)"([^<>]*)>')

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Language, Cookie",
}


def page_routes() -> list[BaseRoute]:
    """Routes of the page and its files."""
    template = (_STATIC / "index.html").read_text(encoding="utf-8")
    messages = json.loads((_STATIC / "messages.json").read_text(encoding="utf-8"))
    pages = {language: _translated(template, messages, language) for language in messages}

    async def page(request: Request) -> Response:
        language = request.cookies.get("language", "")
        if language not in pages:
            language = preferred_language(request.headers.get("accept-language", ""))
        return Response(pages[language], headers=_HEADERS, media_type="text/html")

    return [Route("/", page), Mount("/static", StaticFiles(directory=_STATIC))]


def _translated(template: str, messages: dict[str, dict[str, str]], language: str) -> str:
    """Fill the template's empty elements, so that the page is right before its script runs."""
    page = _EMPTY_ELEMENT.sub(
        lambda match: match[0] + html.escape(messages[language][match[1]]), template
    )
    # "<" can't end the script element early when it is written as an escape.
    data = json.dumps(messages, ensure_ascii=False).replace("<", "\\u003c")
    page = page.replace('<html lang="en">', f'<html lang="{language}">')
    return page.replace("VERSION", version("sentire")).replace("MESSAGES", data)


def preferred_language(accept: str) -> str:
    """Choose "zh" or "en" from an ``Accept-Language`` header; English where it names neither.

    Examples
    --------
    >>> preferred_language("fr, zh-TW;q=0.9, en;q=0.8")
    'zh'
    """
    best, best_weight = "en", 0.0
    for part in accept.lower().split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().partition("-")[0]
        value = _quality(weight)
        if language in {"zh", "en"} and value > best_weight:
            best, best_weight = language, value
    return best


def _quality(parameter: str) -> float:
    match = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameter)
    return float(match[1]) if match else 1.0
