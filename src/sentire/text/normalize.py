"""Make equal texts equal, and remember where every character came from.

Reads:   a text as a person, a page or a phone wrote it
Gives:   the text the model reads, and the way back to offsets in the original
Never:   drops a word, a digit or a punctuation mark that carries feeling
"""

import bisect
import html
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import msgspec

URL_PLACEHOLDER = "http"
USER_PLACEHOLDER = "@user"

_URL = r"(?i:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[A-Za-z0-9/]"
# A Latin account name, or a Chinese one that a colon ends: without the colon nothing tells where
# "@小米手机太差了" stops being a name, and words must not be lost.
_USER = r"(?<![A-Za-z0-9_.])@(?:[A-Za-z0-9_]{1,30}(?![A-Za-z0-9_])|[\w\-]{1,20}(?=[:\uff1a]))"
_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
_SURROGATE = "[\ud800-\udfff]"
_INVISIBLE = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad"
    "\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufe00-\ufe0f]+"
)
# Full-width letters and digits, and the mathematical alphabets that social media use as fonts.
# Full-width punctuation, fractions, superscripts and the ellipsis keep their form.
_COMPATIBLE = "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]+"
_COMBINING = r"[^\W\d_][\u0300-\u036f]+"
_NEWLINES = r"[^\S\n]*\n\s*"
_BLANKS = r"[^\S\n]{2,}|[^\S\n ]"


class NormalizationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rules apply. Part of a bundle's fingerprint."""

    entities: bool = True
    """Decode HTML entities: ``&quot;`` and ``&#34;`` become a quotation mark."""
    placeholders: bool = True
    """Write ``http`` for a URL and ``@user`` for an account name."""
    max_repeat: int = 3
    """Longest run of one character, digits excepted; 0 leaves runs as they are."""


class Edit(NamedTuple):
    """One replaced stretch: where it stands in the normalized text and where it stood before."""

    start: int
    end: int
    source_start: int
    source_end: int


class Normalized:
    """A normalized text and its alignment with the original.

    Attributes
    ----------
    text : str
    edits : tuple of Edit, in order; between two edits the characters are the original's
    """

    __slots__ = ("_ends", "edits", "text")

    def __init__(self, text: str, edits: tuple[Edit, ...] = ()) -> None:
        self.text = text
        self.edits = edits
        self._ends = [edit.end for edit in edits]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Code-point offsets in the original of ``text[start:end]``.

        A span that touches a replaced stretch takes the whole stretch; an empty span stays empty.
        """
        if not self.edits:
            return start, end
        source_start = self._source(start, before=True)
        if end <= start:
            return source_start, source_start
        return source_start, self._source(end - 1, before=False)

    def _source(self, index: int, *, before: bool) -> int:
        """Original offset before (or after) the character at ``index``."""
        at = bisect.bisect_right(self._ends, index)
        if at < len(self.edits) and self.edits[at].start <= index:
            return self.edits[at].source_start if before else self.edits[at].source_end
        shift = self.edits[at - 1].source_end - self.edits[at - 1].end if at else 0
        return index + shift if before else index + shift + 1


class Normalizer:
    """Applies :class:`NormalizationSettings`; safe to share between threads."""

    def __init__(self, settings: NormalizationSettings | None = None) -> None:
        self.settings = settings or NormalizationSettings()
        rules = [(name, pattern) for name, pattern in _RULES if self._applies(name)]
        if self.settings.max_repeat:
            rules.append(("repeat", rf"(?P<_one>[^\d\s])(?P=_one){{{self.settings.max_repeat},}}"))
        self._pattern = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in rules))

    def __call__(self, text: str) -> Normalized:
        """Normalize ``text``; costs one scan when there is nothing to change."""
        pieces: list[str] = []
        edits: list[Edit] = []
        read = written = 0
        for match in self._pattern.finditer(text):
            start, end = match.span()
            new = self._replacement(match)
            if new == text[start:end]:
                continue
            pieces.append(text[read:start])
            pieces.append(new)
            written += start - read
            edits.append(Edit(written, written + len(new), start, end))
            written += len(new)
            read = end
        if not edits:
            return Normalized(text)
        pieces.append(text[read:])
        return Normalized("".join(pieces), tuple(edits))

    def _applies(self, name: str) -> bool:
        if name == "entity":
            return self.settings.entities
        return self.settings.placeholders or name not in {"url", "user"}

    def _replacement(self, match: re.Match[str]) -> str:
        name = match.lastgroup or ""
        if name == "entity":
            decoded = html.unescape(match.group())
            # What an entity hides is normalized too; one that decodes to an entity is left there.
            return decoded if decoded == match.group() else self(decoded).text
        if name == "repeat":
            return match.group()[: self.settings.max_repeat]
        return _REPLACE[name](match.group())


_RULES = (
    ("url", _URL),
    ("user", _USER),
    ("entity", _ENTITY),
    ("surrogate", _SURROGATE),
    ("invisible", _INVISIBLE),
    ("compatible", _COMPATIBLE),
    ("combining", _COMBINING),
    ("newlines", _NEWLINES),
    ("blanks", _BLANKS),
)

_REPLACE: dict[str, Callable[[str], str]] = {
    "url": lambda _: URL_PLACEHOLDER,
    "user": lambda _: USER_PLACEHOLDER,
    "surrogate": lambda _: "\ufffd",
    "invisible": lambda _: "",
    "compatible": lambda old: unicodedata.normalize("NFKC", old),
    "combining": lambda old: unicodedata.normalize("NFC", old),
    "newlines": lambda _: "\n",
    "blanks": lambda _: " ",
}
