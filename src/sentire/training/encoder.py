"""The network that is trained and exported: a BERT encoder, a mean over tokens, linear heads."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from transformers import BertConfig, BertModel


class SentimentEncoder(nn.Module):
    """Encoder with mean pooling and one linear head.

    Parameters
    ----------
    config : BertConfig
        Its ``vocab_size`` is that of the pruned vocabulary.
    n_labels : int
    """

    def __init__(self, config: BertConfig, *, n_labels: int) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(config.hidden_size, n_labels)
        self.classifier.weight.data.normal_(0.0, 0.02)
        self.classifier.bias.data.zero_()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n_texts, n_labels).

        Parameters
        ----------
        input_ids, attention_mask : int64 tensors of shape (n_texts, n_tokens)
        """
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        logits: torch.Tensor = self.classifier(self.dropout(pooled.float()))
        return logits


def student_config(*, n_layers: int, vocabulary: int) -> BertConfig:
    """Shape of the shipped model: multilingual-e5-small with fewer layers and pieces."""
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=384,
        num_hidden_layers=n_layers,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
        type_vocab_size=2,
        pad_token_id=1,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        layer_norm_eps=1e-12,
    )


def take_layers(
    weights: Mapping[str, torch.Tensor], layers: Sequence[int], rows: Sequence[int]
) -> dict[str, torch.Tensor]:
    """Weights of a shallower encoder: the named layers, and the kept pieces' embeddings."""
    taken = {}
    for name, tensor in weights.items():
        if name.startswith("embeddings.word_embeddings"):
            taken[name] = tensor[list(rows)]
        elif name.startswith("encoder.layer."):
            _, _, number, rest = name.split(".", 3)
            if int(number) in layers:
                taken[f"encoder.layer.{layers.index(int(number))}.{rest}"] = tensor
        else:
            taken[name] = tensor
    return taken
