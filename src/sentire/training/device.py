"""Where a model learns, and in which precision."""

from contextlib import AbstractContextManager
from typing import NamedTuple, Self

import torch

from sentire.threads import available_threads
from sentire.training.examples import HeadTargets, TensorBatch


class Device(NamedTuple):
    """A GPU where PyTorch finds one, else the CPU."""

    name: str
    precision: torch.dtype | None
    """What matrix products are computed in; None is float32 throughout."""

    @property
    def attention(self) -> str:
        """How attention is computed.

        PyTorch's fused kernel for CPUs takes more time than the rest of the network together where
        rows are short and masked in BF16 (2.13, 48 tokens); plain products are 1.8 times as fast.
        """
        return "eager" if self.name == "cpu" else "sdpa"

    @classmethod
    def best(cls) -> Self:
        """Choose the device; on CPUs without BF16 instructions half precision would be slower."""
        if torch.cuda.is_available():
            return cls("cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else None)
        torch.set_num_threads(available_threads())
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return cls("cpu", torch.bfloat16 if fast else None)

    def autocast(self) -> AbstractContextManager[object]:
        """Give the context in which the forward pass runs."""
        return torch.autocast(self.name, self.precision, enabled=self.precision is not None)

    def move(self, batch: TensorBatch) -> TensorBatch:
        """Copy a batch to the device; nothing to do on the CPU."""
        if self.name == "cpu":
            return batch
        targets = {
            head: HeadTargets(*(tensor.to(self.name) for tensor in target))
            for head, target in batch.targets.items()
        }
        return batch._replace(
            input_ids=batch.input_ids.to(self.name),
            attention_mask=batch.attention_mask.to(self.name),
            targets=targets,
        )
