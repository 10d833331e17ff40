"""Import a part that the base install does not hold, or say which extra brings it."""

import importlib
import os
import sys
from types import ModuleType

from sentire.errors import MissingExtra


def import_extra(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import ``module``.

    Raises
    ------
    MissingExtra
        It is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(extra, purpose) from error


def silence_openvino() -> None:
    """Switch off OpenVINO's usage reports: sentire never calls home.

    ``import openvino`` alone starts a process that tells Google Analytics of it, and writes an
    identity to ``~/intel``. Where its package for that can't be imported, it does without.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def import_nncf() -> ModuleType:
    """Import NNCF with its usage reports, and those of OpenVINO behind it, switched off."""
    os.environ["NNCF_CI"] = "1"
    silence_openvino()
    return import_extra("nncf", extra="export", purpose="INT8 quantization")
