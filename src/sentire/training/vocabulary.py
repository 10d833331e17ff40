"""Keep only the pieces of a Unigram vocabulary that the texts use.

Reads:   a ``tokenizer.json`` with a Unigram model, and texts in the languages to keep
Gives:   a smaller ``tokenizer.json`` and the rows of the embedding matrix that go with it
Never:   changes a score or the order of the pieces, so what is kept is segmented as before
"""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from tokenizers import Tokenizer

_N_SPECIAL = 4  # <s>, <pad>, </s>, <unk> stand first


class PrunedVocabulary(NamedTuple):
    """A tokenizer and, for each of its pieces, the row in the old embedding matrix."""

    tokenizer_json: str
    rows: list[int]
    unknown_before: float
    """Share of unknown tokens in the texts, 0 to 1."""
    unknown_after: float

    def summary(self) -> str:
        """One line for people."""
        return (
            f"vocabulary of {len(self.rows):,} pieces, unknown tokens {self.unknown_before:.4%} "
            f"before and {self.unknown_after:.4%} after"
        )


def prune(tokenizer_json: str, texts: Iterable[str], *, size: int) -> PrunedVocabulary:
    """Keep ``size`` pieces: special ones, every single character in use, then the most frequent.

    Single characters come first because they are what a rare word falls back on: with all of
    them kept, a smaller vocabulary makes texts longer but not unknown.

    Parameters
    ----------
    tokenizer_json : str
        A Unigram model in the form of Hugging Face's tokenizers.
    texts : iterable of str
        What is counted.
    size : int
        Pieces to keep.

    Raises
    ------
    ValueError
        The model is not Unigram.
    """
    spec: dict[str, Any] = json.loads(tokenizer_json)
    if spec["model"]["type"] != "Unigram":
        raise ValueError(f"tokenizer model is {spec['model']['type']}; only Unigram can be pruned")
    kept_texts = list(texts)
    counts, unknown_before = _count(Tokenizer.from_str(tokenizer_json), kept_texts)
    pieces = [piece for piece, _ in spec["model"]["vocab"]]
    characters = {
        index
        for index, piece in enumerate(pieces)
        if len(piece.lstrip("▁")) <= 1 and (counts[index] or _always(piece))
    }
    rows = set(range(_N_SPECIAL)) | characters
    frequent = (index for index, _ in counts.most_common() if index not in rows)
    rows.update(index for index, _ in zip(frequent, range(size - len(rows)), strict=False))
    ordered = sorted(rows)
    spec["model"]["vocab"] = [spec["model"]["vocab"][index] for index in ordered]
    spec["added_tokens"] = [token for token in spec["added_tokens"] if token["id"] < _N_SPECIAL]
    smaller = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
    _, unknown_after = _count(Tokenizer.from_str(smaller), kept_texts)
    return PrunedVocabulary(smaller, ordered, unknown_before, unknown_after)


def _always(piece: str) -> bool:
    """Characters to keep even where no text holds them: common CJK, ASCII, punctuation, emoji."""
    character = piece.lstrip("▁")
    if not character:
        return True
    code = ord(character)
    return (
        code < 0x250
        or 0x2000 <= code < 0x2C00
        or 0x3000 <= code < 0x3040
        or 0x4E00 <= code < 0xA000
        or code >= 0x1F000
    )


def _count(tokenizer: Tokenizer, texts: list[str]) -> tuple[Counter[int], float]:
    """How often each piece occurs, and the share of unknown ones."""
    counts: Counter[int] = Counter()
    for start in range(0, len(texts), 1000):
        for encoding in tokenizer.encode_batch_fast(
            texts[start : start + 1000], add_special_tokens=False
        ):
            counts.update(encoding.ids)
    return counts, counts[_N_SPECIAL - 1] / max(1, counts.total())
