"""Turn texts into token ids, and long texts into windows that the model can read.

Reads:   a ``tokenizer.json`` of the Hugging Face ``tokenizers`` library, whatever its model
Gives:   token ids without the special tokens; windows with them
Never:   cuts a token from a text: windows overlap, and their weights count every token once
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from tokenizers import Tokenizer

from sentire.errors import BundleDamaged
from sentire.types import Window

_FILE = "tokenizer.json"
_PADS = ("<pad>", "[PAD]", "<|pad|>", "<|padding|>")

_PROBE = "a \u2e0e"
"""A letter, and a mark that hardly any vocabulary holds: without an unknown token it fails."""

_PIECE = 4096
"""Characters given to the library at once; a million Han characters take half the memory so."""


class _Model(msgspec.Struct):
    unk_id: int | None = None
    unk_token: str | None = None


class _TokenizerFile(msgspec.Struct):
    model: _Model


_DECODER = msgspec.json.Decoder(_TokenizerFile)


class TextTokenizer:
    """A tokenizer with its special tokens; safe to share between threads.

    The library encodes a batch on as many threads as the process may use, which it finds out by
    itself, without the environment; a forked child may go on using it.

    Parameters
    ----------
    tokenizer_json : str
        The text of the file. Truncation and padding in it are ignored: windows and batches do that.

    Raises
    ------
    BundleDamaged
        It is no tokenizer file, or has no padding token.
    """

    def __init__(self, tokenizer_json: str) -> None:
        try:
            model = _DECODER.decode(tokenizer_json).model
            self._tokenizer = Tokenizer.from_str(tokenizer_json)
            padding = self._tokenizer.padding
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            self.prefix, self.suffix = _special_ids(self._tokenizer)
        except BundleDamaged:
            raise
        except Exception as error:  # the library raises bare ones
            raise BundleDamaged(_FILE, f"it can't be read as a tokenizer: {error}") from error
        self.pad_id = padding["pad_id"] if padding else self._first_id(_PADS)
        self.unknown_id: int | None = model.unk_id
        if model.unk_token is not None:
            self.unknown_id = self._tokenizer.token_to_id(model.unk_token)

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text without special tokens; the texts hold no lone surrogates."""
        if all(len(text) <= _PIECE for text in texts):
            return self._encode(texts)
        pieces: list[str] = []
        ends: list[int] = []
        for text in texts:
            pieces.extend(_pieces(text))
            ends.append(len(pieces))
        ids = self._encode(pieces)
        starts = [0, *ends]
        return [
            [token for piece in ids[start:end] for token in piece]
            for start, end in zip(starts, ends, strict=False)
        ]

    def count_unknown(self, ids: list[int]) -> int:
        """How many of ``ids`` stand for something outside the vocabulary."""
        return 0 if self.unknown_id is None else ids.count(self.unknown_id)

    def room(self, max_length: int) -> int:
        """Tokens of text that fit into ``max_length`` beside the special ones."""
        return max_length - len(self.prefix) - len(self.suffix)

    def windows(self, ids: list[int], max_length: int, overlap: int) -> tuple[Window, ...]:
        """Cut ``ids`` into the fewest windows, of even size, each with the special tokens.

        Parameters
        ----------
        ids : list of int
        max_length : int
            Tokens of a window, special ones included, at most.
        overlap : int
            Tokens that a window shares with the next; below ``room(max_length)``.

        Returns
        -------
        tuple of Window
            Their weights add up to ``len(ids)``: in an overlap, the first half is answered for by
            the window before it, which has read what led there.
        """
        n_tokens, room = len(ids), self.room(max_length)
        if n_tokens <= room:
            return (self.window(ids),)
        n_windows = -(-(n_tokens - overlap) // (room - overlap))
        size, longer = divmod(n_tokens + (n_windows - 1) * overlap, n_windows)
        windows: list[Window] = []
        start = answered = 0
        for index in range(n_windows):
            end = start + size + (index < longer)
            answers_to = end - (overlap - overlap // 2) if index < n_windows - 1 else n_tokens
            windows.append(self.window(ids[start:end], weight=answers_to - answered))
            start, answered = end - overlap, answers_to
        return tuple(windows)

    def window(self, ids: list[int], *, weight: int | None = None) -> Window:
        """One window of ``ids`` between the special tokens; it weighs what it holds."""
        row = np.array([*self.prefix, *ids, *self.suffix], dtype=np.int32)
        return Window(row, len(ids) if weight is None else weight)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _first_id(self, tokens: Sequence[str]) -> int:
        for token in tokens:
            found = self._tokenizer.token_to_id(token)
            if found is not None:
                return int(found)
        raise BundleDamaged(
            _FILE, f"it has no padding token: set one, or name a token {' or '.join(tokens)}"
        )


def _special_ids(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Ids that the tokenizer's own post-processor puts before and behind a text."""
    encoding = tokenizer.encode(_PROBE, add_special_tokens=True)
    ids, mask = encoding.ids, encoding.special_tokens_mask
    if 0 not in mask:
        raise BundleDamaged(_FILE, f'it makes no token of "{_PROBE}"')
    first, last = mask.index(0), len(mask) - mask[::-1].index(0)
    return ids[:first], ids[last:]


def _pieces(text: str) -> Iterator[str]:
    """Cut a long text at the last blank, else the last mark, of each stretch."""
    start = 0
    while len(text) - start > _PIECE:
        middle, limit = start + _PIECE // 2, start + _PIECE
        end = max(text.rfind(blank, middle, limit) for blank in " \n")
        following = end + 1  # the blank itself is no token
        if end < 0:
            end = max(text.rfind(mark, middle, limit) for mark in "。！？；，.!?;,") + 1 or limit
            following = end
        yield text[start:end]
        start = following
    yield text[start:]
