"""Values that were wanted last, within a number of bytes."""

from collections import OrderedDict

_ENTRY_BYTES = 250
"""What an entry takes beside its value: the key, two objects, and its place in the dictionary."""


class LruCache:
    """Values by key, bounded in bytes; the one that was not wanted for longest goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._values: OrderedDict[bytes, bytes] = OrderedDict()
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or None."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value, and drop what no longer fits."""
        old = self._values.pop(key, None)
        if old is not None:
            self.n_bytes -= len(old) + _ENTRY_BYTES
        self._values[key] = value
        self.n_bytes += len(value) + _ENTRY_BYTES
        while self.n_bytes > self._max_bytes:
            _, dropped = self._values.popitem(last=False)
            self.n_bytes -= len(dropped) + _ENTRY_BYTES
