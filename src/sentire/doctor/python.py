"""The version of Python, and whether libraries exist for this machine."""

import platform
import struct
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import distribution

from packaging.specifiers import SpecifierSet

from sentire.doctor.findings import Finding, Machine, broken, fine

NAME = "python"


def look(machine: Machine) -> Iterator[Finding]:  # noqa: ARG001 - a check's signature
    """Check the interpreter that runs this."""
    wanted = distribution("sentire").metadata["Requires-Python"]
    yield judge(
        platform.python_version(),
        wanted=wanted,
        bits=8 * struct.calcsize("P"),
        is_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    )


def judge(version: str, *, wanted: str, bits: int, is_threaded: bool) -> Finding:
    """Decide about an interpreter.

    Parameters
    ----------
    version : such as ``3.11.4``
    wanted : requirement, such as ``>=3.11``
    bits : of an address
    is_threaded : whether it was built without the global lock
    """
    found = f"Python {version}, {bits} bits, on {platform.machine()} at {sys.executable}."
    details = {"version": version, "bits": bits, "executable": sys.executable}
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        return broken(
            NAME,
            f"{found} sentire needs Python {wanted}.",
            f"Install Python {wanted} and make a new environment with it: python3 -m venv .venv",
            **details,
        )
    if bits != 64:
        return broken(
            NAME,
            f"{found} OpenVINO and the other engines exist for 64 bits only.",
            "Install a Python of 64 bits.",
            **details,
        )
    if is_threaded:
        return broken(
            NAME,
            f"{found} It was built without the global lock; sentire was never tried with that.",
            "Use the usual build of Python: without the letter t behind its version.",
            **details,
        )
    return fine(NAME, found, **details)
