"""Import a part that the base install does not hold, or say which extra brings it."""

import importlib
import os
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


def import_nncf() -> ModuleType:
    """Import NNCF with its usage reports switched off: sentire never calls home."""
    os.environ["NNCF_CI"] = "1"
    return import_extra("nncf", extra="export", purpose="INT8 quantization")
