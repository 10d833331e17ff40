"""OpenVINO on the CPU: the engine of the base install."""

import queue
import threading
from pathlib import Path
from typing import Any

import numpy as np

from sentire.backends.base import Logits
from sentire.errors import BackendError
from sentire.optional import silence_openvino
from sentire.types import Batch

_FIRST = threading.Lock()
"""The binding builds its table of types at a process's first inference, under a C++ guard that it
keeps while it gives up the GIL: two first inferences at once wait for each other for ever."""

_KERNELS = 256
"""Compiled kernels that each stream keeps of each kind, beside the 1024 that oneDNN keeps for all.
With 64 the process holds 10 to 20 MB less, and ran 3 % slower where one shape follows another; with
1024 it holds 25 MB more, and ran no faster."""

_WARM = Batch(np.ones((1, 8), np.int64), np.ones((1, 8), np.int64))


class OpenVinoBackend:
    """One compiled model and a request for each stream.

    Parameters
    ----------
    model : path of an ONNX file with inputs ``input_ids`` and ``attention_mask``
    threads : int
        CPUs to use.

    Raises
    ------
    BackendError
        The file can't be loaded.
    """

    name = "openvino"

    def __init__(self, model: Path, *, threads: int) -> None:
        silence_openvino()
        # Imported here: it takes longer than all the rest, and other engines don't need it.
        import openvino as ov
        from openvino import properties
        from openvino.properties import hint

        # One request runs on each stream and one waits inside the engine, so that a stream has work
        # while the thread that feeds it waits for Python's lock: 5 % more texts a second.
        self.n_streams = 2 * threads
        try:
            core = ov.Core()
            network = core.read_model(model)
            drop_guards(network)
            self._compiled = core.compile_model(
                network,
                "CPU",
                {
                    properties.inference_num_threads(): threads,
                    properties.num_streams(): properties.streams.Num(threads),
                    # Containers share cores, and pinned threads collide.
                    hint.enable_cpu_pinning(): False,
                    hint.inference_precision(): ov.Type.f32,
                    "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS,
                },
            )
        except RuntimeError as error:
            raise BackendError(f"OpenVINO can't load {model}: {_last_line(error)}") from None
        self._outputs = [output.get_any_name() for output in self._compiled.outputs]
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.n_streams):
            self._requests.put(self._compiled.create_infer_request())
        with _FIRST:
            for _ in range(self.n_streams):
                self.run(_WARM)

    def run(self, batch: Batch) -> Logits:
        """Compute the logits of a batch; releases the GIL while it computes.

        Raises
        ------
        BackendError
            The engine failed; nothing of the batch was computed.
        """
        request = self._requests.get()
        try:
            results = request.infer(
                {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask},
                share_inputs=True,
            )
            return {
                name: np.array(results[index], np.float32)
                for index, name in enumerate(self._outputs)
            }
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed: {_last_line(error)}") from None
        finally:
            self._requests.put(request)

    def close(self) -> None:
        """Drop the requests and the compiled model."""
        while not self._requests.empty():
            self._requests.get()
        del self._compiled


def drop_guards(network: Any) -> None:
    """Let attention weights go where they are used, without a test whether they are numbers.

    PyTorch exports its attention with a test for rows that are masked whole, which no text gives.
    Where nothing stands between softmax and product, the engine runs attention as one kernel: 10 %
    faster, and a process that serves holds 40 MB less.

    Parameters
    ----------
    network : openvino.Model
        Changed in place.
    """
    for choice in network.get_ordered_ops():
        if choice.get_type_name() != "Select":
            continue
        test, weights = choice.input_value(0).get_node(), choice.input_value(2)
        if test.get_type_name() == "IsNaN" and test.input_value(0) == weights:
            choice.output(0).replace(weights)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
