"""What a check is given, and what it says.

Reads:   nothing
Gives:   the records between the checks and whoever shows what they found
Never:   looks at the machine
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from sentire.errors import MissingExtra, SentireError
from sentire.service.settings import Settings

Status = Literal["fine", "warning", "broken", "skipped"]
"""``broken``: a command with these settings fails. ``warning``: it works, and not as well as it
could. ``skipped``: there is nothing to look at, or another finding says why it can't be."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a check has to say."""

    check: str
    """Name of the check, as ``--only`` takes it."""
    status: Status
    found: str
    """What there is, in one sentence or two."""
    fix: str = ""
    """What to do; empty where nothing has to be done."""
    details: dict[str, Any] = {}
    """The same for programs: numbers in bytes, seconds and CPUs."""


class Machine(NamedTuple):
    """The machine, and what somebody wants to run on it."""

    settings: Settings = Settings()
    root: Path = Path("/")
    """What ``/proc``, ``/sys`` and ``/dev`` lie in."""
    environ: Mapping[str, str] = os.environ
    """Variables of the process."""
    packages: Sequence[str] | None = None
    """Folders in which distributions are installed; None is Python's own path."""
    now_s: float | None = None
    """Seconds since 1970; None asks the clock."""

    @property
    def time_s(self) -> float:
        """The time now."""
        return time.time() if self.now_s is None else self.now_s


def broken(check: str, found: str, fix: str, **details: Any) -> Finding:
    """Make a finding of something that fails.

    Parameters
    ----------
    check : str
        Name of the check, as ``--only`` takes it.
    found : str
        What there is, in one sentence or two.
    fix : str
        What to do.
    **details
        The same for programs: numbers in bytes, seconds and CPUs.
    """
    return Finding(check=check, status="broken", found=found, fix=fix, details=details)


def warning(check: str, found: str, fix: str, **details: Any) -> Finding:
    """Make a finding of something that works, and not as well as it could.

    Parameters
    ----------
    check : str
        Name of the check, as ``--only`` takes it.
    found : str
        What there is, in one sentence or two.
    fix : str
        What to do.
    **details
        The same for programs: numbers in bytes, seconds and CPUs.
    """
    return Finding(check=check, status="warning", found=found, fix=fix, details=details)


def fine(check: str, found: str, **details: Any) -> Finding:
    """Make a finding of something that is as it should be.

    Parameters
    ----------
    check : str
        Name of the check, as ``--only`` takes it.
    found : str
        What there is, in one sentence or two.
    **details
        The same for programs: numbers in bytes, seconds and CPUs.
    """
    return Finding(check=check, status="fine", found=found, details=details)


def skipped(check: str, found: str, **details: Any) -> Finding:
    """Make a finding of something that was not looked at.

    Parameters
    ----------
    check : str
        Name of the check, as ``--only`` takes it.
    found : str
        What there is, in one sentence or two.
    **details
        The same for programs: numbers in bytes, seconds and CPUs.
    """
    return Finding(check=check, status="skipped", found=found, details=details)


def of_error(check: str, error: SentireError, fix: str = "") -> Finding:
    """Make a finding of an error, whose message says what to do.

    Parameters
    ----------
    check : str
        Name of the check, as ``--only`` takes it.
    error : SentireError
    fix : str
        What to do, where the message does not say it all.
    """
    return broken(check, str(error), fix, error=type(error).__name__)


def missing(check: str, error: MissingExtra) -> Finding:
    """Make a finding of an extra that is not installed."""
    return broken(
        check,
        f"{error.purpose} is set, and its library is not installed.",
        error.install,
        extra=error.extra,
    )


def worst(findings: Iterable[Finding]) -> Status:
    """The gravest status among some findings.

    Examples
    --------
    >>> worst([fine("clock", "right"), warning("disk", "nearly full", "Free some.")])
    'warning'
    """
    found = {finding.status for finding in findings}
    order: tuple[Status, ...] = ("broken", "warning")
    return next((status for status in order if status in found), "fine")
