"""What a forked process inherits of a loaded model: its memory, and none of its threads.

Reads:   nothing; the interpreter tells of a fork
Gives:   whether an object's threads are in this process; an error that says to load in the child
Never:   lets an inherited engine end: it would wait for threads that are not there
"""

import os
from weakref import WeakSet

from sentire.errors import Closed

WHY_INHERITED = (
    "the model was loaded before this process was forked, and the threads that run it stayed "
    "behind. Load it after the fork, in each process: sentire.load()."
)


class ThreadOwner:
    """Base of what computes on threads of its own.

    Attributes
    ----------
    is_inherited : bool
        Whether this process was forked from the one that made it.
    """

    is_inherited = False

    def __init__(self) -> None:
        _OWNERS.add(self)

    def check_process(self) -> None:
        """Refuse what would wait for ever.

        Raises
        ------
        Closed
            This process was forked from the one that made it.
        """
        if self.is_inherited:
            raise Closed(WHY_INHERITED)


_OWNERS: WeakSet[ThreadOwner] = WeakSet()
_INHERITED: list[ThreadOwner] = []
"""Kept as long as the process lives, so that no engine in them is taken down."""


def _inherit() -> None:
    _INHERITED.extend(_OWNERS)
    _OWNERS.clear()
    for owner in _INHERITED:
        owner.is_inherited = True


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_inherit)
