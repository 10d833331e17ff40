"""The one text path: from what a caller gives to what the model reads.

Reads:   any values, in any number
Gives:   a document or an error for each, in their order
Never:   differs between training, evaluation and serving: its fingerprint stands in the bundle
"""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple, get_args

import msgspec

from sentire.errors import EmptyText, NotText, OptionError, TextError, TextTooLong
from sentire.text.language import LanguageIdentifier
from sentire.text.normalize import NormalizationSettings, Normalized, Normalizer
from sentire.text.segment import Span, find_spans, segment
from sentire.text.tokenize import TextTokenizer
from sentire.text.values import kind_of
from sentire.types import Coverage, Document, OnLong, Segment, Window


class TextSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How texts are read. Part of a bundle and of its fingerprint."""

    normalization: NormalizationSettings = NormalizationSettings()
    max_length: int = 128
    """Tokens the model reads at once, special ones included."""
    overlap: int = 32
    """Tokens of context that neighbouring windows share."""
    languages: tuple[str, ...] = ("zh", "en")
    """ISO 639-1 codes of what the model was trained for."""


class _Text(NamedTuple):
    """A text on its way, and the spans that are read apart."""

    original: str
    normalized: Normalized
    spans: list[Span]

    def parts(self) -> list[str]:
        """Give the whole text, and behind it those of its spans."""
        whole = self.normalized.text
        return [whole, *(whole[span.start : span.end] for span in self.spans)]


_ON_LONG: tuple[str, ...] = get_args(OnLong)

# Anything but blanks and characters without a shape that normalization leaves alone: joiners,
# fillers, direction marks, tags, and the blank Braille pattern.
_VISIBLE = re.compile(
    "[^\\s\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065-\u206f\u2800\u3164\uffa0"
    "\U000e0000-\U000e0fff]"
)

# What makes a change of the code show in the fingerprint: something for every rule.
_PROBES = (
    "这个产品使用体验非常棒！",
    "房间很大，但是服务太差了……味道不错，服务却很慢。",
    "I absolutely love the new movie, it's fantastic! The food was great, but the room wasn't.",
    'Mr. Lee paid $3.50 in the U.S. (v2.0.1). See https://example.com/a?b=1. "Really?!" he said...',
    "@somebody 太low了&hellip;&quot;差评&quot;！！！！！！sooooo bad 😂😂👍🏽\n\n１２ＡＢ　ﬁ ½ ①",
    "这家餐廳的服務態度很差，不過食物還可以；Wi-Fi不行。é e\u0301 \u200bzero\ufeffwidth \ud800",
    "1. 好 2. No. 5 is ok\t\tend;no blank.Next，只是有點貴   ",
    "很好。" * 200,
    "word " * 300,
)


class TextPath:
    """Prepares texts for one model; safe to share between threads.

    Parameters
    ----------
    tokenizer_json : str
        The text of the model's ``tokenizer.json``.
    settings : TextSettings

    Attributes
    ----------
    settings : TextSettings
    pad_id : int
        Token id for padding.
    fingerprint : str
        ``sha256:`` and a digest of the settings and of what the code makes of built-in texts.

    Raises
    ------
    BundleDamaged
        ``tokenizer_json`` is no tokenizer.
    OptionError
        ``max_length`` and ``overlap`` leave no room for text.
    """

    def __init__(self, tokenizer_json: str, settings: TextSettings) -> None:
        self.settings = settings
        self._tokenizer = TextTokenizer(tokenizer_json)
        self._room = self._tokenizer.room(settings.max_length)
        if not 0 <= settings.overlap < self._room:
            raise OptionError(
                f"max_length is {settings.max_length} and overlap is {settings.overlap}; overlap "
                f"must be at least 0 and below {self._room}, the tokens that a window has beside "
                "the special ones. Raise max_length or lower overlap."
            )
        self._normalize = Normalizer(settings.normalization)
        self._identify = LanguageIdentifier(settings.languages)
        self.pad_id = self._tokenizer.pad_id
        self.fingerprint = self._fingerprint()

    def prepare(
        self, texts: Sequence[object], *, sentences: bool = False, on_long: OnLong = "window"
    ) -> list[Document | TextError]:
        """Prepare ``texts``, each on its own; an error takes its text's place.

        Parameters
        ----------
        texts : sequence of object
            What is no ``str`` becomes :class:`NotText`, what shows nothing :class:`EmptyText`.
        sentences : bool
            Whether to prepare the sentences of texts that have at least two.
        on_long : {"window", "truncate", "error"}
            What to do with a text of more tokens than the model reads at once.

        Returns
        -------
        list of Document or TextError
            As many as ``texts``, in their order.

        Raises
        ------
        OptionError
            ``on_long`` is none of the three.
        """
        if on_long not in _ON_LONG:
            raise OptionError(f'on_long is "{on_long}"; it must be one of {", ".join(_ON_LONG)}')
        read = [self._read(value, sentences=sentences) for value in texts]
        # One call for all texts, each followed by its sentences.
        strings = [part for text in read if isinstance(text, _Text) for part in text.parts()]
        ids = iter(self._tokenizer(strings) if strings else ())
        return [
            self._document(text, next(ids), [next(ids) for _ in text.spans], on_long)
            if isinstance(text, _Text)
            else text
            for text in read
        ]

    def _read(self, value: object, *, sentences: bool) -> _Text | TextError:
        if not isinstance(value, str):
            return NotText(kind_of(value))
        normalized = self._normalize(value)
        if not _VISIBLE.search(normalized.text):
            return EmptyText()
        spans = find_spans(normalized.text) if sentences else []
        return _Text(value, normalized, spans if len(spans) > 1 else [])

    def _document(
        self, text: _Text, ids: list[int], parts: list[list[int]], on_long: OnLong
    ) -> Document | TextError:
        n_tokens = n_read = len(ids)
        if not n_tokens:
            return EmptyText()
        if n_tokens <= self._room:
            windows: tuple[Window, ...] = (self._tokenizer.window(ids),)
        elif on_long == "window":
            windows = self._tokenizer.windows(ids, self.settings.max_length, self.settings.overlap)
        elif on_long == "truncate":
            windows = (self._tokenizer.window(ids[: self._room]),)
            n_read = self._room
        else:
            return TextTooLong(n_tokens, self._room)
        return Document(
            text=text.original,
            language=self._identify(text.normalized.text),
            coverage=Coverage(n_tokens, n_read, len(windows), n_read < n_tokens),
            unknown=self._tokenizer.count_unknown(ids),
            windows=windows,
            segments=tuple(
                Segment(
                    *text.normalized.source_span(span.start, span.end),
                    self._tokenizer.window(part[: self._room]),
                    contrast=span.contrast,
                )
                for span, part in zip(text.spans, parts, strict=True)
            ),
        )

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(msgspec.json.encode(self.settings))
        texts = [self._normalize(probe).text for probe in _PROBES]
        for text, ids in zip(texts, self._tokenizer(texts), strict=True):
            windows = self._tokenizer.windows(ids, self.settings.max_length, self.settings.overlap)
            rows = [(window.ids.tolist(), window.weight) for window in windows]
            digest.update(msgspec.json.encode((text, segment(text), ids, rows)))
        return f"sha256:{digest.hexdigest()}"
