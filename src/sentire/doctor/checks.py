"""All checks, in the order in which a start needs what they look at.

Reads:   the machine and the settings
Gives:   what each check found
Never:   lets one check keep the others from looking: what fails in a check is a finding, too
"""

import importlib
from collections.abc import Callable, Collection, Iterator

from sentire.doctor.deadline import within
from sentire.doctor.findings import Finding, Machine, broken, of_error
from sentire.errors import SentireError, Unavailable
from sentire.optional import install_command

Look = Callable[[Machine], Iterator[Finding]]

CHECKS = {
    "python": "Version of Python, and whether libraries exist for this machine.",
    "packages": "Requirements of the installed packages against what is installed.",
    "cpu": "What the processor offers for INT8: AVX2, VNNI, AMX, BF16.",
    "engine": "Whether the chosen engine and its libraries can be loaded.",
    "gpu": "Graphics processors, their driver, and whether this user may use them.",
    "threads": "Threads and workers against the CPUs that the container's quota allows.",
    "bundle": "Every byte of the models, their text path, and their golden sentences.",
    "memory": "Memory that the models take against what there is, limits included.",
    "limits": "Open files, processes and temporary files that the container allows.",
    "disk": "Room and permission for models that are pulled.",
    "ports": "Ports that are taken, and by what.",
    "registry": "Whether the registries of models answer.",
    "cache": "Whether the shared cache answers, and how fast.",
    "services": "Whether the model services behind a gateway answer.",
    "clock": "Whether the time is right.",
    "encoding": "Locale, and whether Chinese text can be read and written.",
}
"""Name of each check, which is that of its module in this room, and what it looks at."""

_LONGEST_S = 180.0
"""No check takes longer: loading the largest model from a slow disk is within it."""


def run(machine: Machine, *, only: Collection[str] = ()) -> Iterator[Finding]:
    """Run checks, one after another.

    Parameters
    ----------
    machine : Machine
    only : names from :data:`CHECKS`
        Empty runs all.

    Yields
    ------
    Finding
        At least one for each check, as soon as it has finished.
    """
    for name in CHECKS:
        if not only or name in only:
            yield from _within(_LONGEST_S, name, machine)


def look(name: str, machine: Machine) -> list[Finding]:
    """Run one check; whatever fails in it is told as a finding.

    A check is imported here, so that a library that is missing or broken concerns those checks
    alone that need it.
    """
    try:
        check: Look = importlib.import_module(f"sentire.doctor.{name}").look
        return list(check(machine))
    except SentireError as error:
        return [of_error(name, error)]
    except ImportError as error:
        missing = error.name or "a library"
        return [
            broken(
                name,
                f"this can't be looked at: {missing} can't be imported ({error}).",
                f"Install sentire again: {install_command('', '--force-reinstall')}",
            )
        ]
    except Exception as error:
        return [
            broken(
                name,
                f"the check itself failed with {type(error).__name__}: {error}.",
                "This is a bug, please report it.",
            )
        ]


def _within(limit_s: float, name: str, machine: Machine) -> list[Finding]:
    try:
        return within(limit_s, lambda: look(name, machine), what=f"the check {name}")
    except Unavailable as error:
        return [
            broken(
                name,
                str(error),
                "Something it asks does not answer: a network disk, a name server, a device. "
                "The other findings may say which.",
            )
        ]
