"""The network that is trained and exported: an encoder, a mean over tokens, linear heads."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, BertConfig, PretrainedConfig

from sentire.labels import EMBEDDING, OUTPUTS


class Encoder(nn.Module):
    """Encoder with mean pooling, one linear head for each task, and an embedding of the topic.

    Parameters
    ----------
    config : PretrainedConfig
        Of any encoder that ``transformers`` knows.
    heads : head -> number of labels
    embedding : int, optional
        Dimensions of the embedding; None for none. It is fitted when learning is over: see
        :mod:`~sentire.training.topics`.
    """

    def __init__(
        self,
        config: PretrainedConfig,
        *,
        heads: Mapping[str, int],
        embedding: int | None = None,
    ) -> None:
        super().__init__()
        width = int(config.hidden_size)
        self.config = config
        self.base = AutoModel.from_config(config, **_without_pooler(config))  # type: ignore[no-untyped-call]
        self.dropout = nn.Dropout(0.1)
        self.n_labels = {name: heads[name] for name in OUTPUTS if name in heads}
        self.heads = nn.ModuleDict({name: _linear(width, n) for name, n in self.n_labels.items()})
        self.embedding: TopicHead | None = None
        if embedding is not None:
            self.embed(embedding)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Logits of shape (n_texts, n_labels) for each head, and the embedding of unit length.

        Parameters
        ----------
        input_ids, attention_mask : int64 tensors of shape (n_texts, n_tokens)

        Returns
        -------
        dict of output name -> float32 tensor
        """
        return self.run(input_ids, attention_mask)[0]

    def run(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """What :meth:`forward` gives, and the last layer, (n_texts, n_tokens, width)."""
        states = self.states(input_ids, attention_mask)
        last = mean_pool(states[-1], attention_mask)
        pooled = self.dropout(last)
        outputs = {OUTPUTS[name]: head(pooled) for name, head in self.heads.items()}
        if self.embedding is not None:
            below = [mean_pool(state, attention_mask) for state in states[:-1]]
            outputs[EMBEDDING] = self.embedding(torch.cat([*below, last], dim=1))
        return outputs, states[-1]

    def embed(self, n_outputs: int) -> "TopicHead":
        """Give it an embedding of so many dimensions, or another one, whose weights are new."""
        n_states = int(self.config.num_hidden_layers) + 1
        self.embedding = TopicHead(n_states * int(self.config.hidden_size), n_outputs)
        return self.embedding

    def states(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Sequence[Any]:
        """Hidden states of every layer, the embeddings first, each (n_texts, n_tokens, width)."""
        result = self.base(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        )
        states: Sequence[Any] = result.hidden_states
        return states


class TopicHead(nn.Module):
    """A vector of unit length from the means of all layers.

    Parameters
    ----------
    n_inputs : int
        Layers, the embeddings among them, times the width.
    n_outputs : int
        Dimensions of the vector.
    """

    centre: torch.Tensor
    spread: torch.Tensor

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        # Apart from the weights: inputs of one spread lose little in eight bits.
        self.register_buffer("centre", torch.zeros(n_inputs))
        self.register_buffer("spread", torch.ones(n_inputs))
        self.linear = nn.Linear(n_inputs, n_outputs)

    def forward(self, means: torch.Tensor) -> torch.Tensor:
        """Vectors of shape (n_texts, n_outputs) from means of shape (n_texts, n_inputs)."""
        return nn.functional.normalize(self.linear((means - self.centre) / self.spread), dim=1)


def mean_pool(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Mean over the tokens that are no padding.

    Parameters
    ----------
    hidden : tensor of shape (n_texts, n_tokens, width)
    attention_mask : int64 tensor of shape (n_texts, n_tokens)

    Returns
    -------
    float32 tensor of shape (n_texts, width)
    """
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return ((hidden * mask).sum(1) / mask.sum(1)).float()


def take_layers(
    weights: Mapping[str, torch.Tensor],
    *,
    layers: Sequence[int] | None = None,
    pieces: Sequence[int] | None = None,
) -> dict[str, torch.Tensor]:
    """Weights of a smaller encoder: the named layers, and the kept pieces' word embeddings.

    Parameters
    ----------
    weights : name -> tensor, under the names of ``transformers``
    layers : numbers of the layers to keep, in order; None for all
    pieces : rows of the word embeddings to keep, in order; None for all
    """
    taken = {}
    for name, tensor in weights.items():
        parts = name.split(".")
        if "layer" in parts and layers is not None:
            place = parts.index("layer") + 1
            if int(parts[place]) not in layers:
                continue
            parts[place] = str(list(layers).index(int(parts[place])))
        kept = pieces is not None and name.endswith("embeddings.word_embeddings.weight")
        taken[".".join(parts)] = tensor[list(pieces)] if kept and pieces is not None else tensor
    return taken


def e5_config(*, n_layers: int, vocabulary: int) -> BertConfig:
    """Shape of multilingual-e5-small with fewer layers and pieces.

    No dropout inside the encoder: one or two epochs over many texts don't overfit, and drawing the
    masks costs a third of the time on a CPU.
    """
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=384,
        num_hidden_layers=n_layers,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
        type_vocab_size=2,
        pad_token_id=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-12,
    )


def _linear(width: int, n_outputs: int) -> nn.Linear:
    layer = nn.Linear(width, n_outputs)
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer


def _without_pooler(config: PretrainedConfig) -> dict[str, bool]:
    """Models of BERT's family carry a pooler that nothing here reads."""
    families = {"bert", "roberta", "xlm-roberta", "camembert"}
    return {"add_pooling_layer": False} if config.model_type in families else {}
