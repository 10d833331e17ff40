"""Cut a text into sentences, and a sentence where it turns: "…, but …".

Reads:   a normalized text, Chinese, English or both
Gives:   spans in order that together hold every character that is not blank
Never:   cuts inside a number, a URL, an abbreviation or a name's initials; looks back or ahead
         more than a few characters, so the time grows with the length and nothing else
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_STOPS = "。！？；!?｡"
_CLOSERS = "\"'”’»›」』）)\\]】》〉〕}"
_OPENERS = "\"'“‘«‹「『（(\\[【《〈〔{<"

# A stop, the quotes and brackets it closes, and the emoji and the like that stick to it.
_BOUNDARY = re.compile(
    # Consumed as a whole, so that its marks end nothing.
    r"(?P<url>(?i:https?://|www\.)[!-~]*[A-Za-z0-9/])"
    r"|(?P<line>[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])"
    rf"|(?P<stop>[{_STOPS}….]+)(?P<closed>[{_CLOSERS}]*)(?:(?![{_OPENERS}@#$€£¥+\-])[^\w\s])*"
    # Chinese: at once after the comma, and for 却 behind a subject of at most eight characters.
    r"|(?P<contrast>"
    r"[，,]\s?(?=但(?![凡愿願])|不[过過](?!如此)|可是|然而|只是|可惜|[^，,。！？；!?….\s]{0,8}[却卻])"
    r"|[,，;]\s?(?=(?i:but(?!\s+also\b)|yet|however|although|though)\b)"
    # Many write no comma. What then means a contrast only at times ends nothing: 不但, 但丁, even
    # though, nothing but. These two rules are not in the fingerprint's probes: no model learned
    # from sentences, and bundles made before them stay good.
    r"|(?=但(?![凡愿願丁])|可是|然而)(?<=[^\W\d])(?<![不非岂豈])"
    r"|(?i:(?<=[\w)\"'”’])\s"
    r"(?<!thing\s)(?<!none\s)(?<!body\s)(?<!help\s)(?<!last\s)(?<!even\s)"
    r"(?<!\ball\s)(?<!\bone\s)(?<!\bas\s)"
    r"(?=(?:but(?!\s+also\b)|however|although|(?:even\s)?though)\s\w))"
    r")"
)
_WORD = re.compile(r"\w")
_FIRST_WORD = re.compile(r"[A-Za-z]+")

# Something always follows these abbreviations.
_TITLE = re.compile(
    "mrs?|m[sx]|dr|prof|rev|hon|gen|col|capt|lt|sgt|st|mt|figs|vols?|pp|vs|cf|approx|e\\.g|i\\.e|viz"
)
# These may also end a sentence; what follows decides.
_CLOSING = re.compile("etc|inc|ltd|co|corp|bros|jr|sr|ph\\.d|al|dept|est|ft|fig")
# Words that, written with a capital, begin a sentence rather than go on with a name.
_STARTER = re.compile(
    "an?|the|i|it|he|she|we|they|you|this|that|these|those|there|here|my|his|her|our|their|its|"
    "but|and|so|if|when|while|what|who|why|how|in|on|at|for|not?|as|all|also|although"
)

_ITEM_FOLLOWS = ("", "\n", ".", "!", "?", "。", "！", "？", "；")

_LOOK = 16
"""Characters looked at before and behind a full stop."""


class Span(NamedTuple):
    """A sentence, or one side of a contrast."""

    start: int
    end: int
    contrast: bool
    """Whether it is the other side of a contrast with the span before it."""


def segment(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of ``text``, and of the sides of a contrast within them.

    Returns
    -------
    list of (start, end)
        In order, apart from each other, without surrounding blanks, none blank. Every character
        that is not blank is in one of them.

    Examples
    --------
    >>> segment("房间很大，但是服务太差了。")
    [(0, 5), (5, 13)]
    >>> segment("Mr. Lee paid $3.50. Too much!")
    [(0, 19), (20, 29)]
    """
    return [(span.start, span.end) for span in find_spans(text)]


def find_spans(text: str) -> list[Span]:
    """Find what :func:`segment` does, and which spans contrast with the one before them.

    Examples
    --------
    >>> [span.contrast for span in find_spans("房间很大，但是服务太差了。再见。")]
    [False, True, False]
    """
    spans: list[Span] = []
    start, contrast = 0, False
    for end, ends_in_contrast in _ends(text):
        piece = text[start:end]
        left = start + len(piece) - len(piece.lstrip())
        right = left + len(piece.strip())
        start, contrast, contrasts = end, ends_in_contrast, contrast
        if left == right:
            continue
        if spans and not (
            _stands_alone(text, left, right) and _stands_alone(text, spans[-1].start, spans[-1].end)
        ):
            # Marks or emoji alone belong to what stands before them, or else behind.
            spans[-1] = spans[-1]._replace(end=right)
        else:
            spans.append(Span(left, right, contrasts and bool(spans)))
    return spans


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a span holds a letter or a digit."""
    return _WORD.search(text, start, end) is not None


def _ends(text: str) -> Iterator[tuple[int, bool]]:
    """Where a sentence or a side of a contrast ends, and whether it is the latter; then the end."""
    for match in _BOUNDARY.finditer(text):
        if match["url"]:
            continue
        if not match["stop"] or _is_end(text, match):
            yield match.end(), match["contrast"] is not None
    yield len(text), False


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Whether the marks that matched end a sentence here."""
    marks = match["stop"]
    following = text[match.end() : match.end() + _LOOK]
    rest = following.lstrip()
    goes_on = "a" <= rest[:1] <= "z"
    if not following:
        return True
    if any(mark in _STOPS for mark in marks):
        return not (match["closed"] and goes_on)  # "Great!" he said.
    if marks != ".":
        # An ellipsis: a pause before a small letter, else an end.
        return not goes_on and not following[0].isdigit()
    if rest == following:
        # 3.5, U.S., example.com; but 很好.下次再来 has an end.
        return following[0] > "\u2e7f"
    return not (match["closed"] and goes_on) and not _is_abbreviation(text, match.start(), rest)


def _is_abbreviation(text: str, dot: int, rest: str) -> bool:
    """Whether the full stop at ``dot`` belongs to the word before it, and ``rest`` goes on."""
    before = text[max(0, dot - _LOOK) : dot]
    if not before or before[-1].isspace():
        return False
    word = before.split()[-1].lstrip("\"'“‘«(（[【{<")
    lower = word.lower()
    if _TITLE.fullmatch(lower):
        return True
    if lower == "no":
        return rest[:1].isdigit()
    if lower.isdigit():
        # The number of a list item, "1. Great battery", begins a line or follows a sentence.
        return before[: -len(word)].rstrip(" ")[-1:] in _ITEM_FOLLOWS
    single_letters = all(len(part) == 1 and part.isalpha() for part in word.split("."))
    initials = single_letters and (word.isupper() or "." in word) and word.isascii()
    first = _FIRST_WORD.match(rest)
    if first is None or not (initials or _CLOSING.fullmatch(lower)):
        return False
    return first[0].islower() or not _STARTER.fullmatch(first[0].lower())
