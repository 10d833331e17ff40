"""A model without a network, for tests of everything around it.

Its logits follow from the token ids alone, so each text has one right answer in every batch, and
an answer that ends at another text's place shows.
"""

import numpy as np

from sentire.backends.base import Logits
from sentire.types import Batch

_PRIME = 2_147_483_647


class FakeBackend:
    """Logits between -2 and 2 from the hash of a row's tokens.

    Parameters
    ----------
    outputs : output name -> number of labels
    """

    name = "fake"
    n_streams = 1

    def __init__(self, outputs: dict[str, int]) -> None:
        self._outputs = outputs
        self.closed = False

    def run(self, batch: Batch) -> Logits:
        """Compute the logits of a batch; padding changes nothing."""
        positions = np.arange(1, batch.input_ids.shape[1] + 1, dtype=np.int64)
        values = (batch.input_ids + 7) * batch.attention_mask % 65_537
        hashes = (values * positions * 31).sum(axis=1) % _PRIME
        logits: Logits = {}
        for name, n_labels in self._outputs.items():
            columns = np.arange(1, n_labels + 1, dtype=np.int64)
            spread = hashes[:, None] * columns * 7919 % 4001
            logits[name] = (spread / 1000.0 - 2.0).astype(np.float32)
        return logits

    def close(self) -> None:
        """Remember that the memory was given back."""
        self.closed = True
