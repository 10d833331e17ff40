"""Score every row of a source into a sink, from where an earlier run stopped.

Reads:   rows, and a function from texts to answers, in order, n in n out
Gives:   one record a row, and a tally
Never:   knows a model; holds more rows than the function reads ahead
"""

import copy
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

from sentire.errors import OptionError, OutputError
from sentire.io.checkpoint import Tally
from sentire.io.recordfile import Sink
from sentire.io.rows import Row
from sentire.types import Answer, Unscored

Scorer = Callable[[Iterable[object]], Iterable[Answer]]


class ScoringJob:
    """A run over all rows.

    Parameters
    ----------
    rows : iterable of Row
        From the first row on; those that are done are read again and compared, not scored.
    score : function from texts to answers
        A row that could not be read is handed over as None, and its answer is replaced.
    sink : Sink
    unbroken : callable
        Gives a context in which the run must not be interrupted: a record and its count are one.

    Attributes
    ----------
    tally : Tally
        Rows written, those of the earlier run included.
    n_read : int
        Rows read; a little ahead of those written.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        score: Scorer,
        sink: Sink,
        *,
        unbroken: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._rows, self._score, self._sink = iter(rows), score, sink
        self._unbroken = unbroken
        self._digest = hashlib.blake2b(digest_size=16)
        checkpoint = sink.checkpoint
        self.tally = copy.deepcopy(checkpoint.tally) if checkpoint else Tally()
        self.n_read = 0

    def run(self) -> Iterator[Answer]:
        """Give each answer once it is written; the output is in its place when this ends.

        An exception, and closing the iterator, keep what is done for ``--resume``.

        Raises
        ------
        OptionError
            The rows that are done are not those of the earlier run.
        InputError, OutputError
            The source or the sink failed.
        """
        self._skip_done()
        try:
            yield from self._run()
        except OutputError:
            raise
        except BaseException:
            if self.tally.rows:
                with self._unbroken():
                    self._commit()
            raise
        with self._unbroken():
            self._commit()
        self._sink.finish()

    def _run(self) -> Iterator[Answer]:
        waiting: deque[Row] = deque()
        for scored in self._score(self._texts(waiting)):
            row = waiting.popleft()
            answer = scored if row.error is None else Unscored(text=row.text, error=row.error)
            with self._unbroken():
                self._sink.write(row, answer)
                self.tally.count(answer)
                self._digest.update(_bytes_of(row))
                if self._sink.due:
                    self._commit()
            yield answer

    def _texts(self, waiting: deque[Row]) -> Iterator[str | None]:
        for row in self._rows:
            self.n_read += 1
            waiting.append(row)
            yield row.text if row.error is None else None

    def _skip_done(self) -> None:
        checkpoint = self._sink.checkpoint
        if checkpoint is None:
            return
        for _ in range(checkpoint.tally.rows):
            row = next(self._rows, None)
            if row is None:
                break
            self.n_read += 1
            self._digest.update(_bytes_of(row))
        if self._digest.hexdigest() != checkpoint.digest:
            raise OptionError(
                f"the input's first {checkpoint.tally.rows} rows are not those of the interrupted "
                "run, so it can't be resumed (a database needs ORDER BY in its query). "
                "Leave --resume out to start from the beginning."
            )

    def _commit(self) -> None:
        self._sink.commit(self.tally, self._digest.hexdigest())


def _bytes_of(row: Row) -> bytes:
    return repr((row.fields, row.error)).encode(errors="backslashreplace")
