"""Pick the engine for a bundle and a machine."""

from typing import get_args

from sentire.backends.base import Backend
from sentire.backends.fake import FakeBackend
from sentire.backends.onnxruntime import Device, OnnxRuntimeBackend
from sentire.backends.openvino import OpenVinoBackend
from sentire.bundle.store import MODEL_NAME, Bundle
from sentire.errors import OptionError
from sentire.threads import choose_threads
from sentire.types import Engine

_DEVICES: dict[str, Device] = {
    "onnxruntime": "cpu",
    "onnxruntime-cuda": "cuda",
    "onnxruntime-tensorrt": "tensorrt",
}


def open_backend(bundle: Bundle, *, engine: str, threads: int) -> Backend:
    """Load a bundle's model into an engine.

    Parameters
    ----------
    bundle : Bundle
    engine : str
        One of :data:`~sentire.types.Engine`.
    threads : int
        CPUs to use, at least 1; on a GPU, threads that feed it.

    Raises
    ------
    OptionError
        ``engine`` is not one of :data:`~sentire.types.Engine`, or ``threads`` is not from 1
        to :data:`~sentire.types.MAX_THREADS`.
    MissingExtra
        The engine is not installed.
    BackendError
        The engine can't load the model.
    """
    if engine not in get_args(Engine):
        raise OptionError(f"engine {engine!r} is unknown; choose {', '.join(get_args(Engine))}")
    threads = choose_threads(threads)
    if bundle.manifest.backend == "fake":
        heads = bundle.manifest.heads.values()
        return FakeBackend({head.output: len(head.labels) for head in heads})
    model = bundle.path / MODEL_NAME
    if engine == "openvino":
        return OpenVinoBackend(model, threads=threads)
    return OnnxRuntimeBackend(model, threads=threads, device=_DEVICES[engine])
