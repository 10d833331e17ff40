"""What every inference engine looks like from above."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from sentire.types import Batch

Logits = dict[str, npt.NDArray[np.float32]]
"""Output name -> float32 array of shape (n_rows, n_labels)."""


class Backend(Protocol):
    """A loaded model."""

    name: str
    """``openvino``, ``onnxruntime``, ``onnxruntime-cuda``, ``onnxruntime-tensorrt`` or ``fake``."""
    n_streams: int
    """Batches that may usefully run at once; ``run`` may be called from that many threads."""

    def run(self, batch: Batch) -> Logits:
        """Compute the logits of a batch.

        Raises
        ------
        BackendError
            The engine failed.
        """

    def close(self) -> None:
        """Give the memory back. No ``run`` may be under way."""
