"""Share one queue between clients: admission control, and the order of a fair queue.

Reads:   who brings how much work, and what was served
Gives:   whether more may be taken in, and the place of each piece of work in the order
Never:   knows what a client is: any value that a dictionary takes as a key, None being one of them
"""

from collections.abc import Mapping
from types import MappingProxyType

from sentire.request_context import Client

NO_CLIENTS: Mapping[Client, int] = MappingProxyType({})


class AdmissionControl:
    """A bounded number of places.

    One client may fill all of it. Then each other still has its share, the bound divided by the
    clients that hold places, so a client that floods can't keep others out. With ``n`` clients
    there are thus at most ``limit * (1 + 1/2 + ... + 1/n)`` places taken.

    Parameters
    ----------
    limit : int
        Above 0.

    Attributes
    ----------
    n_held : int
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.n_held = 0
        self._held: dict[Client, int] = {}

    def admits(
        self, n: int, client: Client = None, *, coming: Mapping[Client, int] = NO_CLIENTS
    ) -> bool:
        """Whether ``n`` more places may be taken.

        Parameters
        ----------
        n : int
            Places that the client asks for.
        client : hashable or None
            None has no share of its own.
        coming : client -> places that it is about to take
        """
        n_taken = self.n_held + sum(coming.values())
        if not n_taken or n_taken + n <= self.limit:
            return True  # what is larger than the bound runs alone
        if client is None:
            return False
        others = (self._held.keys() | coming.keys()) - {client}
        own = self._held.get(client, 0) + coming.get(client, 0)
        return bool(others) and own + n <= self.limit // (len(others) + 1)

    def enter(self, n: int, client: Client = None) -> None:
        """Take places."""
        self.n_held += n
        self._held[client] = self._held.get(client, 0) + n

    def leave(self, client: Client = None) -> None:
        """Give one place back."""
        self.n_held -= 1
        left = self._held[client] - 1
        if left:
            self._held[client] = left
        else:
            del self._held[client]


class FairQueue:
    """The order in which waiting work is served: start-time fair queuing.

    Each piece of work begins where its client's last one ends, but not before what is being served
    now. So clients that always have work get equal parts of the model's time, one that comes seldom
    is served next, and the work of one client alone is served as it came.

    References
    ----------
    Goyal, Vin and Cheng, SIGCOMM 1996, section 2.
    """

    def __init__(self) -> None:
        self._now = 0
        self._ends: dict[Client, int] = {}

    def start_tag(self, cost: int, client: Client = None) -> int:
        """Where a new piece of work begins; the least is served first.

        Parameters
        ----------
        cost : int
            Of the work, in any unit.
        client : hashable or None
            For whom it is.
        """
        begin = max(self._now, self._ends.get(client, 0))
        self._ends[client] = begin + cost
        return begin

    def serve(self, begin: int) -> None:
        """Note that the work which began there is served now."""
        self._now = max(self._now, begin)

    def clear(self) -> None:
        """Begin anew, when nothing waits."""
        self._now = 0
        self._ends.clear()
