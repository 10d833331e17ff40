"""From texts to documents, block by block, and beside the event loop where it is asked for.

Reads:   texts
Gives:   a document for each, ready to run, or the record of one that can't be scored
Never:   blocks the event loop for longer than handing over would take
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from sentire.errors import TextError
from sentire.inference.executor import TextExecutor
from sentire.request_context import Client
from sentire.text.path import TextPath
from sentire.types import Document, PredictOptions, RowError, Unscored

_BLOCK = 128
"""Texts that go through the text path in one call."""
_BLOCK_CHARACTERS = 100_000
FEW = 4
_FEW_CHARACTERS = 256
"""What takes less than about 0.2 ms on the event loop; handing it to a thread and back takes 0.1 ms
of it as well, and a lone request waits for both."""


class Preparation:
    """The text path of a model, for many texts.

    Parameters
    ----------
    text_path : TextPath
    executor : TextExecutor
        Does what would block the event loop.
    """

    def __init__(self, text_path: TextPath, executor: TextExecutor) -> None:
        self._text_path, self._executor = text_path, executor

    def prepare(
        self, texts: Sequence[object], options: PredictOptions
    ) -> list[Document | Unscored]:
        """Prepare texts: n in, n out, in order."""
        documents = self._text_path.prepare(
            texts, sentences=options.sentences, on_long=options.on_long
        )
        return [
            Unscored(
                text=text if isinstance(text, str) else "",
                error=RowError(document.code, str(document)),
            )
            if isinstance(document, TextError)
            else document
            for text, document in zip(texts, documents, strict=True)
        ]

    async def prepare_async(
        self, texts: Sequence[object], options: PredictOptions, *, client: Client = None
    ) -> list[Document | Unscored]:
        """Prepare texts on the thread for them; what is done sooner than handed over, at once.

        Parameters
        ----------
        texts : sequence of object
        options : PredictOptions
        client : hashable or None
            For whom; clients that are told apart have their turns.
        """
        if _is_small(texts):
            return self.prepare(texts, options)
        documents: list[Document | Unscored] = []
        for block in blocks(texts):
            documents += await self._executor.run(self.prepare, block, options, client=client)
        return documents


def blocks(texts: Iterable[object]) -> Iterator[list[object]]:
    """Blocks of texts, bounded in number and in characters."""
    source = iter(texts)
    while block := list(itertools.islice(_bounded(source), _BLOCK)):
        yield block


def _is_small(texts: Sequence[object]) -> bool:
    """Whether texts are prepared sooner than they are handed to a thread."""
    return (
        len(texts) <= FEW
        and sum(len(text) for text in texts if isinstance(text, str)) <= _FEW_CHARACTERS
    )


def _bounded(source: Iterator[object]) -> Iterator[object]:
    n_characters = 0
    for text in source:
        yield text
        n_characters += len(text) if isinstance(text, str) else 0
        if n_characters >= _BLOCK_CHARACTERS:
            return
