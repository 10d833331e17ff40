"""ONNX Runtime: another CPU engine, and the way to CUDA and TensorRT."""

from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np

from sentire.backends.base import Logits
from sentire.errors import BackendError
from sentire.optional import import_extra, missing_extra
from sentire.types import Batch

Device = Literal["cpu", "cuda", "tensorrt"]

_PROVIDERS: dict[Device, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}


class OnnxRuntimeBackend:
    """One ONNX Runtime session.

    Parameters
    ----------
    model : path of an ONNX file with inputs ``input_ids`` and ``attention_mask``
    threads : int
        CPUs to use; on a GPU, threads that feed it.
    device : "cpu", "cuda" or "tensorrt"

    Raises
    ------
    MissingExtra
        ONNX Runtime is not installed, or was built without the provider that ``device`` needs.
    BackendError
        The file can't be loaded, or the provider finds no GPU.
    """

    def __init__(self, model: Path, *, threads: int, device: Device = "cpu") -> None:
        extra = "onnxruntime" if device == "cpu" else "gpu"
        purpose = f"the engine onnxruntime on {device}"
        runtime = import_extra("onnxruntime", extra=extra, purpose=purpose)
        provider = _PROVIDERS[device]
        if provider not in runtime.get_available_providers():
            raise missing_extra(extra, purpose)
        self.name = "onnxruntime" if device == "cpu" else f"onnxruntime-{device}"
        self.n_streams = 1
        try:
            self._session = runtime.InferenceSession(
                str(model), self._options(runtime, threads), providers=[provider]
            )
        except Exception as error:  # the runtime's exceptions share no base
            raise BackendError(f"ONNX Runtime can't load {model}: {error}") from None
        if provider not in self._session.get_providers():
            raise BackendError(f"ONNX Runtime has {provider} but found no device to use it with")
        self._outputs = [output.name for output in self._session.get_outputs()]

    @staticmethod
    def _options(runtime: ModuleType, threads: int) -> object:
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Idle threads must not burn the CPU that tokenizing and HTTP need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return options

    def run(self, batch: Batch) -> Logits:
        """Compute the logits of a batch.

        Raises
        ------
        BackendError
            The engine failed; nothing of the batch was computed.
        """
        try:
            results = self._session.run(
                self._outputs,
                {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask},
            )
        except Exception as error:
            raise BackendError(f"ONNX Runtime failed: {error}") from None
        return {
            name: np.asarray(result, np.float32)
            for name, result in zip(self._outputs, results, strict=True)
        }

    def close(self) -> None:
        """Drop the session."""
        del self._session
