"""Dev scores while a model learns: cheap, and close to what the served graph will reach.

Reads:   dev sets as examples
Gives:   one score a set and their mean
Never:   replaces the evaluation of the bundle, which runs through the engine and reads long texts
         in windows
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from sentire.evaluation.datasets import Dataset
from sentire.labels import OUTPUTS
from sentire.text.normalize import NormalizationSettings
from sentire.text.tokenize import TextTokenizer
from sentire.training.device import Device
from sentire.training.encoder import Encoder
from sentire.training.examples import Collator, Example, encode
from sentire.training.mixture import Target, TrainingRow

_ROWS = 32


class DevSet(NamedTuple):
    """A dev set, ready to run."""

    name: str
    head: str
    examples: list[Example]


def prepare_dev(
    sets: Sequence[Dataset],
    tokenizer: TextTokenizer,
    normalization: NormalizationSettings,
    *,
    most: int = 2000,
) -> list[DevSet]:
    """Tokenize dev sets; of a large one, a sample of ``most`` rows.

    Parameters
    ----------
    sets : sequence of Dataset
    tokenizer : TextTokenizer
    normalization : NormalizationSettings
    most : int
        Rows to score of one set.
    """
    found = []
    for data in sets:
        places = np.random.default_rng(7).permutation(len(data.texts))[:most]
        part = data.take(np.sort(places))
        rows = [
            TrainingRow(text, {data.head: Target(gold, data.allowed, 1.0)}, None)
            for text, gold in zip(part.texts, part.gold, strict=True)
        ]
        examples = encode(rows, tokenizer, normalization)
        examples.sort(key=lambda example: len(example.ids))
        found.append(DevSet(data.name, data.head, examples))
    return found


def dev_scores(model: Encoder, sets: Sequence[DevSet], collate: Collator) -> dict[str, float]:
    """Mean recall over the classes of each set, and ``mean`` over the sets.

    The label is the most probable of those that the set knows. Where several labels hold, any of
    them is right, and the first counts as the class.

    Parameters
    ----------
    model : Encoder
    sets : sequence of DevSet
        As :func:`prepare_dev` makes them.
    collate : Collator
        Makes batches of rows.
    """
    model.eval()
    scores = {dev.name: _macro_recall(model, dev, collate) for dev in sets}
    return {**scores, "mean": float(np.mean(list(scores.values())))}


def _macro_recall(model: Encoder, dev: DevSet, collate: Collator) -> float:
    device = Device.best()
    right, classes = [], []
    for start in range(0, len(dev.examples), _ROWS):
        places = np.arange(start, min(start + _ROWS, len(dev.examples)))
        batch = device.move(collate(dev.examples, places, ends=np.ones(len(places), np.bool_)))
        with torch.no_grad(), device.autocast():
            logits = model(batch.input_ids, batch.attention_mask)[OUTPUTS[dev.head]].float()
        target = batch.targets[dev.head]
        chosen = logits.masked_fill(~target.allowed, -torch.inf).argmax(1, keepdim=True)
        right.append((target.gold.gather(1, chosen)[:, 0] > 0).cpu().numpy())
        classes.append(target.gold.argmax(1).cpu().numpy())
    hits, labels = np.concatenate(right), np.concatenate(classes)
    return float(np.mean([hits[labels == label].mean() for label in np.unique(labels)]))
