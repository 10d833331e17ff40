"""What a step makes smaller.

Reads:   the outputs of an encoder, and what they should be
Gives:   one number to descend
Never:   asks anything of a label that a row's source does not know
"""

from collections.abc import Mapping

import torch
from torch.nn import functional

from sentire.labels import OUTPUTS
from sentire.training.examples import HeadTargets

_IMPOSSIBLE = -1e4


def supervised(
    outputs: Mapping[str, torch.Tensor], targets: Mapping[str, HeadTargets]
) -> torch.Tensor:
    """Sum over the heads of :func:`masked_cross_entropy`."""
    losses = [
        masked_cross_entropy(outputs[OUTPUTS[head]], target) for head, target in targets.items()
    ]
    return torch.stack(losses).sum()


def masked_cross_entropy(logits: torch.Tensor, target: HeadTargets) -> torch.Tensor:
    """Cross-entropy in which a row of a two-class source says nothing about neutral.

    Parameters
    ----------
    logits : tensor of shape (n_texts, n_labels)
    target : HeadTargets
        Of the same texts.

    Returns
    -------
    Scalar: the weighted losses over the number of texts, so that a row counts the same whatever
    its batch holds beside it.
    """
    masked = logits.float().masked_fill(~target.allowed, _IMPOSSIBLE)
    losses = -(target.gold * functional.log_softmax(masked, dim=1)).sum(1)
    return (losses * target.weights).sum() / len(losses)


def soft_labels(
    student: torch.Tensor, teacher: torch.Tensor, *, temperature: float
) -> torch.Tensor:
    """Kullback-Leibler divergence from the teacher, each row, scaled by the temperature's square.

    Parameters
    ----------
    student, teacher : logits of shape (n_texts, n_labels)
    temperature : float
        Above 0; above 1 shows more of what the teacher holds for less likely.

    Returns
    -------
    Tensor of shape (n_texts,).

    References
    ----------
    Hinton et al., Distilling the Knowledge in a Neural Network, 2015, section 2.
    """
    wanted = functional.softmax(teacher.float() / temperature, dim=1)
    given = functional.log_softmax(student.float() / temperature, dim=1)
    divergence = functional.kl_div(given, wanted, reduction="none").sum(1)
    return divergence * temperature**2


def hidden_states(
    student: torch.Tensor, teacher: torch.Tensor, attention_mask: torch.Tensor
) -> torch.Tensor:
    """Mean squared difference of two layers over the tokens that are no padding.

    Parameters
    ----------
    student, teacher : tensors of shape (n_texts, n_tokens, width)
    attention_mask : int64 tensor of shape (n_texts, n_tokens)
    """
    squared = (student.float() - teacher.float()).pow(2).mean(-1)
    return (squared * attention_mask).sum() / attention_mask.sum()
