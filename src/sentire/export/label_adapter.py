"""A foreign classifier under the label contract.

Reads:   a sequence classifier of ``transformers``, and which of its columns mean what
Gives:   a module that gives merged logits
Never:   changes a weight
"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn


class LabelAdapter(nn.Module):
    """A sequence classifier whose logits follow the label contract.

    Columns that mean the same label are merged by the logarithm of their summed exponentials, so
    that the softmax of the merged logits is the sum of their probabilities.

    Parameters
    ----------
    model : a ``transformers`` model for sequence classification
    columns : label of the contract -> columns of the model's logits, in the order of the output
    """

    def __init__(self, model: nn.Module, columns: Mapping[str, Sequence[int]]) -> None:
        super().__init__()
        self.model = model
        self.columns = [list(group) for group in columns.values()]

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Logits of shape (n_texts, n_labels) under the name ``logits``.

        Parameters
        ----------
        input_ids, attention_mask : int64 tensors of shape (n_texts, n_tokens)
        """
        raw = self.model(input_ids=input_ids, attention_mask=attention_mask).logits.float()
        merged = [
            raw[:, group[0]] if len(group) == 1 else torch.logsumexp(raw[:, group], dim=1)
            for group in self.columns
        ]
        return {"logits": torch.stack(merged, dim=1)}
