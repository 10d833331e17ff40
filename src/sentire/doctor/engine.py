"""Whether the chosen engine and its libraries can be loaded, and what it can use here."""

import ctypes
import importlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from sentire.doctor.findings import Finding, Machine, broken, fine
from sentire.optional import install_command, pip_command, silence_openvino

NAME = "engine"

_PROVIDERS = {
    "onnxruntime": "CPUExecutionProvider",
    "onnxruntime-cuda": "CUDAExecutionProvider",
    "onnxruntime-tensorrt": "TensorrtExecutionProvider",
}
_LIBRARIES = {
    "onnxruntime-cuda": "libonnxruntime_providers_cuda.so",
    "onnxruntime-tensorrt": "libonnxruntime_providers_tensorrt.so",
}
"""What ONNX Runtime loads for an engine, from its folder ``capi``."""
_PACKAGES = {
    "onnxruntime-cuda": ("onnxruntime-gpu[cuda,cudnn]",),
    "onnxruntime-tensorrt": ("onnxruntime-gpu[cuda,cudnn]", "tensorrt"),
}
"""What brings the libraries that those link to, in the versions that they were built with."""


def look(machine: Machine) -> Iterator[Finding]:
    """Load the engine's library, no model yet."""
    if machine.settings.remote.urls:
        yield fine(NAME, "none is needed: model services hold the models.")
    elif machine.settings.engine == "openvino":
        yield _openvino()
    else:
        yield _onnxruntime(machine.settings.engine)


def _openvino() -> Finding:
    silence_openvino()
    module = _load("openvino")
    if not isinstance(module, ModuleType):
        return _not_loaded("openvino", "", module)
    try:
        found = module.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except RuntimeError as error:  # its plugin for CPUs is missing or broken
        return _not_loaded("openvino", "", error)
    kinds = [str(kind) for kind in found]
    numbers = [kind for kind in kinds if kind in {"INT8", "BF16", "FP16", "FP32"}]
    return fine(
        NAME,
        f"OpenVINO {version('openvino')}; on this CPU it computes with {', '.join(numbers)}.",
        engine="openvino",
        version=version("openvino"),
        capabilities=kinds,
    )


def _onnxruntime(engine: str) -> Finding:
    module = _load("onnxruntime")
    extra = "onnxruntime" if engine == "onnxruntime" else "gpu"
    if not isinstance(module, ModuleType):
        return _not_loaded("onnxruntime", extra, module)
    providers, wanted = module.get_available_providers(), _PROVIDERS[engine]
    said = f"ONNX Runtime {module.__version__}"
    details = {"engine": engine, "version": module.__version__, "providers": providers}
    if wanted not in providers:
        return broken(
            NAME,
            f"{said} has no {wanted}; it has {', '.join(providers)}.",
            f"{pip_command('uninstall', 'onnxruntime')}, then {install_command(extra)}; or leave "
            "--engine away for OpenVINO on the CPU",
            **details,
        )
    if engine in _LIBRARIES:
        unmet = missing_library(Path(module.__file__ or "").parent / "capi" / _LIBRARIES[engine])
        if unmet is not None:
            return broken(
                NAME,
                f"{said} has {wanted}, and its library can't be loaded: {unmet}.",
                f"{pip_command('install', *_PACKAGES[engine])}, or take deploy/Containerfile.gpu. "
                "Their folders, such as site-packages/nvidia/*/lib, have to stand in "
                "LD_LIBRARY_PATH.",
                **details,
                library=unmet,
            )
    return fine(NAME, f"{said} with {wanted}.", **details)


def missing_library(library: Path) -> str | None:
    """Why the system's linker can't load a library; None where it can.

    Parameters
    ----------
    library : Path
        A shared library. One that ONNX Runtime loads itself needs names that only ONNX Runtime
        has; that counts as loaded, because everything it links to was found before.
    """
    if not library.exists():
        return f"{library.name} is not there"
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return None if "undefined symbol" in str(error) else str(error)
    return None


def _load(module: str) -> ModuleType | Exception:
    try:
        return importlib.import_module(module)
    except Exception as error:  # a broken library raises whatever it likes
        return error


def _not_loaded(module: str, extra: str, error: Exception) -> Finding:
    absent = isinstance(error, ModuleNotFoundError) and error.name == module
    if absent:
        return broken(NAME, f"{module} is not installed.", install_command(extra), module=module)
    return broken(
        NAME,
        f"{module} is installed, and can't be loaded: {error}.",
        f"{install_command(extra, '--force-reinstall', '--no-cache-dir')}. Where the message names "
        "a file lib….so, install the system's package that brings it.",
        module=module,
    )
