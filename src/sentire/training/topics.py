"""What the backbone knew about topics, before sentiment made it forget.

Reads:   an encoder that was not fine-tuned, examples
Gives:   a vector for each of a sample of them, for the embedding head to imitate
Never:   changes the encoder
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sentire.training.device import Device
from sentire.training.encoder import Encoder, mean_pool
from sentire.training.examples import Collator, Example, batches

_MAX_TOKENS = 4096
_MAX_ROWS = 128


class Topics(NamedTuple):
    """Vectors of a sample of rows."""

    vectors: npt.NDArray[np.float16]
    """Shape (n_sampled, n_dimensions), of unit length."""
    places: npt.NDArray[np.int64]
    """For each of all rows, its place in ``vectors``, or -1; shape (n_rows,)."""

    def of(self, indices: npt.NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of a batch that have a vector, and these, shapes (n,) and (n, n_dimensions)."""
        places = self.places[indices]
        rows = np.flatnonzero(places >= 0)
        return torch.from_numpy(rows), torch.from_numpy(self.vectors[places[rows]]).float()


def read_topics(
    encoder: Encoder,
    examples: Sequence[Example],
    collate: Collator,
    *,
    most: int,
    seed: int = 7,
    observe: Callable[[int, int], None] = lambda _done, _all: None,
) -> Topics:
    """Pool the encoder's last layer over a sample of the examples.

    The mean of the sample is taken off: what all texts share, such as being text, would otherwise
    make any two of them look alike.

    Parameters
    ----------
    most : int
        Examples to sample at most.
    observe : told how many examples are done, and of how many
    """
    sample = np.sort(np.random.default_rng(seed).permutation(len(examples))[:most])
    lengths = np.array([min(len(examples[i].ids) + 2, collate.max_length) for i in sample])
    vectors = np.zeros((len(sample), int(encoder.config.hidden_size)), np.float32)
    device = Device.best()
    encoder.to(device.name).eval()
    encoder.base.set_attn_implementation(device.attention)
    done = 0
    for part in batches(
        lengths,
        max_tokens=_MAX_TOKENS,
        max_rows=_MAX_ROWS,
        generator=np.random.default_rng(seed),
    ):
        batch = device.move(collate(examples, sample[part], ends=np.zeros(len(part), np.bool_)))
        with torch.no_grad(), device.autocast():
            states = encoder.states(batch.input_ids, batch.attention_mask)
        vectors[part] = mean_pool(states[-1], batch.attention_mask).cpu().numpy()
        done += len(part)
        observe(done, len(sample))
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    places = np.full(len(examples), -1, np.int64)
    places[sample] = np.arange(len(sample))
    return Topics(vectors.astype(np.float16), places)
