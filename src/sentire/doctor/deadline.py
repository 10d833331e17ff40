"""Ask something that may never answer, and stop waiting.

Reads:   a function and how long its answer is worth waiting for
Gives:   its answer
Never:   stops the function itself: a thread that hangs in a socket is left behind
"""

from collections.abc import Callable
from typing import TypeVar

from sentire.errors import Unavailable
from sentire.poller import spawn

T = TypeVar("T")


def within(limit_s: float, ask: Callable[[], T], *, what: str) -> T:
    """Call a function, for at most some seconds.

    Parameters
    ----------
    limit_s : float
        Seconds.
    ask : function
        What it raises is raised here.
    what : str
        What is asked, for the message.

    Raises
    ------
    Unavailable
        There was no answer in time.
    """
    answer = spawn(ask)
    try:
        return answer.result(timeout=limit_s)
    except TimeoutError:
        if answer.done():
            raise
        raise Unavailable(f"{what} gave no answer within {limit_s:g} s.") from None
