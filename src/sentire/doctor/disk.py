"""Room and permission for models that are pulled from a registry."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.doctor.models import sources
from sentire.registry.follower import default_downloads
from sentire.registry.references import names_registry
from sentire.units import format_bytes

NAME = "disk"

ENOUGH = 512 << 20
"""Bytes: three versions stay and one more arrives, and the shipped model has 31 MB."""


def look(machine: Machine) -> Iterator[Finding]:
    """Check the folder that models are pulled into."""
    named = machine.settings.downloads
    folder = default_downloads() if named is None else Path(named).expanduser()
    pulls = any(s.target is not None and names_registry(s.target) for s in sources(machine))
    yield judge(folder, is_needed=pulls)


def judge(folder: Path, *, is_needed: bool) -> Finding:
    """Try to write into a folder, and see how much room it has.

    Parameters
    ----------
    folder : Path
        It need not be there yet.
    is_needed : whether a model of the settings comes from a registry
    """
    bad = broken if is_needed else warning
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    details: dict[str, object] = {"folder": str(folder), "needed": is_needed}
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return bad(
            NAME,
            f"{folder}, where models from a registry are kept, can't be written: {error.strerror}.",
            "Name a folder that can: SENTIRE_DOWNLOADS=FOLDER, or downloads in the settings; in a "
            "container whose files are read only, a volume.",
            **details,
        )
    free, files_left = shutil.disk_usage(there).free, _files_left(there)
    details |= {"free": free, "files_left": files_left}
    if free < ENOUGH:
        return bad(
            NAME,
            f"{folder}, where models from a registry are kept, has {format_bytes(free)} left.",
            f"Free room, at least {format_bytes(ENOUGH)}, or name another folder: "
            "SENTIRE_DOWNLOADS=FOLDER",
            **details,
        )
    if files_left is not None and files_left < 1000:
        return bad(
            NAME,
            f"{folder} has room for only {files_left} more files: the disk's inodes are used up.",
            "Remove small files, or name a folder on another disk: SENTIRE_DOWNLOADS=FOLDER",
            **details,
        )
    return fine(NAME, f"{format_bytes(free)} left for models in {folder}.", **details)


def _files_left(folder: Path) -> int | None:
    if not hasattr(os, "statvfs"):
        return None
    state = os.statvfs(folder)
    return state.f_favail if state.f_files else None  # some file systems count none
