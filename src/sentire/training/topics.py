"""What the backbone knew about topics, kept where sentiment made the last layers forget it.

The last layer of a network that learned sentiment tells it and little else, but the layers below
still hold, spread among them, what a text is about. So the embedding reads the means of all layers,
and its weights are the least-squares solution once learning is over: no step pulls the network
between two aims.

Reads:   an encoder that was not fine-tuned, the trained one, examples
Gives:   a vector for each of a sample of them, and the embedding that comes closest to these
Never:   changes what the encoder says of sentiment
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sentire.training.device import Device
from sentire.training.encoder import Encoder, mean_pool
from sentire.training.examples import Collator, Example, batches

_MAX_TOKENS = 4096
_MAX_ROWS = 128
_RIDGE = 300.0
"""Pull of the weights towards zero, in rows: tens of thousands hardly feel it."""

Observe = Callable[[int, int], None]


class Topics(NamedTuple):
    """Vectors of a sample of rows."""

    rows: npt.NDArray[np.int64]
    """Places of the sampled among all rows, rising; shape (n_sampled,)."""
    vectors: npt.NDArray[np.float32]
    """Shape (n_sampled, n_dimensions), of unit length."""


def read_topics(
    encoder: Encoder,
    examples: Sequence[Example],
    collate: Collator,
    *,
    most: int,
    seed: int = 7,
    observe: Observe = lambda _done, _all: None,
) -> Topics:
    """Pool the encoder's last layer over a sample of the examples.

    The mean of the sample is taken off: what all texts share, such as being text, would otherwise
    make any two of them look alike.

    Parameters
    ----------
    encoder : Encoder
        One that is not fine-tuned.
    examples : sequence of Example
    collate : Collator
        Makes batches of examples.
    most : int
        Examples to sample at most.
    seed : int
        Decides which are sampled.
    observe : told how many examples are done, and of how many
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(examples))[:most])
    vectors = np.zeros((len(rows), int(encoder.config.hidden_size)), np.float32)
    for part, means in _means(encoder, examples, rows, collate, observe):
        vectors[part] = means[-1].numpy()
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return Topics(rows, vectors)


def fit_topics(
    encoder: Encoder,
    examples: Sequence[Example],
    collate: Collator,
    topics: Topics,
    *,
    observe: Observe = lambda _done, _all: None,
) -> None:
    """Give the encoder the embedding that comes closest to ``topics``, by ridge regression.

    Parameters
    ----------
    encoder : Encoder
        Gets the embedding.
    examples : the rows that ``topics`` was read from, tokenized for this encoder
    collate : Collator
        Makes batches of examples.
    topics : Topics
        As :func:`read_topics` gives them.
    observe : told how many examples are done, and of how many
    """
    head = encoder.embed(topics.vectors.shape[1])
    n_outputs, n_inputs = head.linear.weight.shape
    sums, targets = np.zeros(n_inputs), np.zeros(n_outputs)
    products, answers = np.zeros((n_inputs, n_inputs)), np.zeros((n_inputs, n_outputs))
    for part, means in _means(encoder, examples, topics.rows, collate, observe):
        inputs = torch.cat(means, dim=1).double().numpy()
        wanted = topics.vectors[part].astype(np.float64)
        sums += inputs.sum(axis=0)
        targets += wanted.sum(axis=0)
        products += inputs.T @ inputs
        answers += inputs.T @ wanted
    n_rows = len(topics.rows)
    centre, offset = sums / n_rows, targets / n_rows
    spread = np.sqrt(np.maximum(np.diag(products) / n_rows - centre**2, 1e-12))
    covariance = (products - n_rows * np.outer(centre, centre)) / np.outer(spread, spread)
    covariance[np.diag_indices(n_inputs)] += _RIDGE
    weights = np.linalg.solve(
        covariance, (answers - n_rows * np.outer(centre, offset)) / spread[:, None]
    )
    with torch.no_grad():
        for tensor, found in (
            (head.centre, centre),
            (head.spread, spread),
            (head.linear.weight, weights.T),
            (head.linear.bias, offset),
        ):
            tensor.copy_(torch.from_numpy(found))
    encoder.to(Device.best().name).eval()


def _means(
    encoder: Encoder,
    examples: Sequence[Example],
    rows: npt.NDArray[np.int64],
    collate: Collator,
    observe: Observe,
) -> Iterator[tuple[npt.NDArray[np.int64], list[torch.Tensor]]]:
    """Places among ``rows`` of a batch, and the mean over tokens of each layer."""
    lengths = np.array([min(len(examples[i].ids) + 2, collate.max_length) for i in rows])
    device = Device.best()
    encoder.to(device.name).eval()
    encoder.base.set_attn_implementation(device.attention)
    done = 0
    for part in batches(
        lengths, max_tokens=_MAX_TOKENS, max_rows=_MAX_ROWS, generator=np.random.default_rng(0)
    ):
        batch = device.move(collate(examples, rows[part], ends=np.zeros(len(part), np.bool_)))
        with torch.no_grad(), device.autocast():
            states = encoder.states(batch.input_ids, batch.attention_mask)
        yield part, [mean_pool(state, batch.attention_mask).cpu() for state in states]
        done += len(part)
        observe(done, len(rows))
    encoder.base.set_attn_implementation("sdpa")
