"""The pages of the documentation and the fenced blocks in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block; ``line`` is that of its first line of content."""

    page: Path
    language: str
    text: str
    line: int
    output: "Block | None" = None
    """The block of text or JSON that follows at once: what a command prints."""


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """Blocks of a page in one of ``languages``, in order."""
    source = page.read_text(encoding="utf-8")
    matches = list(_FENCE.finditer(source))
    for match, behind in zip(matches, [*matches[1:], None], strict=False):
        if match[1] not in languages:
            continue
        output = None
        if (
            behind
            and behind[1] in {"text", "json"}
            and source[match.end() : behind.start()] == "\n\n"
        ):
            output = _block(page, source, behind)
        yield _block(page, source, match)._replace(output=output)


def _block(page: Path, source: str, match: re.Match[str]) -> Block:
    return Block(page, match[1], match[2], source.count("\n", 0, match.start()) + 2)


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))
