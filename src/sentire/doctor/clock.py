"""Whether the time is right: certificates, S3 signatures and histories of aliases need it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import sentire
from sentire.bundle.manifest import MANIFEST_NAME
from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.doctor.models import folders

NAME = "clock"

RELEASED_S = 1_763_769_600.0
"""2025-11-22: no clock that shows less is right."""
_SLACK_S = 300.0
"""S3 refuses requests that are 15 minutes off; file systems differ by seconds."""


def look(machine: Machine) -> Iterator[Finding]:
    """Compare the clock with the times of files that were written before now."""
    files = [Path(sentire.__file__)]
    files += [path / MANIFEST_NAME for path in folders(machine).values() if isinstance(path, Path)]
    yield judge(machine.time_s, files)


def judge(now_s: float, files: list[Path]) -> Finding:
    """Decide about a clock.

    Parameters
    ----------
    now_s : what it shows, in seconds since 1970
    files : that can't be younger than now
    """
    shown = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    set_it = "Set it: timedatectl set-ntp true, or the clock of the host that runs this machine."
    details: dict[str, object] = {"now": now_s, "zone": time.tzname[0]}
    if now_s < RELEASED_S:
        return broken(
            NAME,
            f"it shows {shown}, before sentire was made. Certificates and signatures are refused.",
            set_it,
            **details,
        )
    future = [file for file in files if file.exists() and file.stat().st_mtime > now_s + _SLACK_S]
    if future:
        ahead_s = max(file.stat().st_mtime for file in future) - now_s
        return warning(
            NAME,
            f"it shows {shown}, and {future[0]} was written {ahead_s / 3600:.1f} h later: the "
            "clock is behind, or that of the machine that wrote it was ahead.",
            f"{set_it} Where the file is wrong: touch {future[0]}",
            **details,
        )
    return fine(NAME, f"{shown}, no file is younger.", **details)
