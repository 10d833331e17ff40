"""Ask several that may hang, at once and within one bound.

Reads:   functions, each of which asks one of them
Gives:   their answers as futures; one that hangs is not done
Never:   ends a function: a thread that hangs in a socket is left behind, and asked no second time
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

T = TypeVar("T")


def spawn(work: Callable[[], T]) -> Future[T]:
    """Call a function on a thread that does not keep the process from ending."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="sentire-polling", daemon=True).start()
    return answer


class Poller(Generic[T]):
    """Asks the same ones again and again. Use it from one thread at a time.

    Parameters
    ----------
    within_s : float
        Seconds that :meth:`ask` waits for all of them together.
    """

    def __init__(self, *, within_s: float) -> None:
        self.within_s = within_s
        self._asked: dict[str, Future[T]] = {}

    def ask(self, work: Mapping[str, Callable[[], T]]) -> dict[str, Future[T]]:
        """Ask all of them; one that still hangs since the last time is waited for, not asked anew.

        Parameters
        ----------
        work : name -> function that asks it

        Returns
        -------
        name -> its answer. One that is not done came too late; where it comes until the next time,
        it is given then.
        """
        late = {name: asked for name, asked in self._asked.items() if name in work}
        answers = {name: late.get(name) or spawn(ask) for name, ask in work.items()}
        done, _ = wait(answers.values(), timeout=self.within_s)
        self._asked = {name: each for name, each in answers.items() if each not in done}
        return answers
