"""Templates of the behavioural suite, and the checks they expand to.

Reads:   the packaged TOML files, one a language
Gives:   checks, in the order of the files
Never:   runs a model; ``suite.py`` does
"""

import itertools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

CheckKind = Literal["label", "same", "swap", "up", "down", "not up", "not down"]
CapabilityName = Literal[
    "negation",
    "contrast",
    "intensity",
    "typos",
    "emoji",
    "entities",
    "questions",
    "facts",
    "script",
]
Domain = Literal["product", "hotel", "food", "film", "news", "service", "software"]
CHECK_LANGUAGES = ("zh", "en")

_FOLDER = Path(__file__).parent


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pattern of sentences and what is asked of a model."""

    capability: CapabilityName
    domain: Domain
    kind: CheckKind
    text: str
    """May hold ``{slots}``."""
    to: tuple[str, ...] = ()
    """Texts to compare it with, where the kind compares; with the same slots."""
    expect: Literal["negative", "neutral", "positive", ""] = ""
    """The label, where the kind is ``label``."""
    fill: dict[str, tuple[str, ...]] = {}
    """Slot -> its words."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    templates: list[Template]


class Check(NamedTuple):
    """One thing that is asked of a model."""

    capability: str
    language: str
    domain: str
    kind: CheckKind
    texts: tuple[str, ...]
    """One text, or the two that are compared."""
    expect: str


def read_templates(language: str) -> list[Template]:
    """Templates of one of :data:`CHECK_LANGUAGES`."""
    table = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return msgspec.convert(table, _File).templates


def read_checks(languages: tuple[str, ...] = CHECK_LANGUAGES) -> list[Check]:
    """All checks of some languages."""
    return [
        check
        for language in languages
        for template in read_templates(language)
        for check in expand(template, language)
    ]


def expand(template: Template, language: str) -> Iterator[Check]:
    """Checks of a template: every combination of its slots' words."""
    filled = [
        dict(zip(template.fill, words, strict=True))
        for words in itertools.product(*template.fill.values())
    ]
    first = template.text.format(**filled[0])
    for words in filled:
        text = template.text.format(**words)
        if template.kind == "label":
            compared: list[tuple[str, ...]] = [(text,)]
        elif template.kind == "swap":
            compared = [(first, text)] if text != first else []
        else:
            compared = [(text, other.format(**words)) for other in template.to]
        for texts in compared:
            yield Check(
                template.capability,
                language,
                template.domain,
                template.kind,
                texts,
                template.expect,
            )
