"""Open files, processes and temporary files: what a container or a shell allows."""

import os
import sys
import tempfile
from collections.abc import Iterator

import psutil

from sentire.cgroups import process_limit
from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.threads import available_threads

NAME = "limits"

_FILES = 1024
"""Each connection takes one file; a thousand callers at once is where fairness still holds."""
_FEWEST_FILES = 128
"""Libraries, the model and the sockets of one process."""
_THREADS_EACH = 24
"""Threads of a process beside those of the engine, which has two for each CPU: of Python, of the
tokenizer, of the servers' libraries."""


def look(machine: Machine) -> Iterator[Finding]:
    """Check what processes may have here."""
    if sys.platform == "win32":
        yield fine(NAME, "there are none of this kind on Windows.")
        return
    n_workers = machine.settings.server.workers
    threads = machine.settings.threads or available_threads(machine.root)
    yield files(_soft(psutil.RLIMIT_NOFILE))
    user = None if os.geteuid() == 0 else _soft(psutil.RLIMIT_NPROC)
    group = process_limit(machine.root)
    bounds = [bound for bound in (user, group) if bound is not None]
    yield processes(min(bounds, default=None), n_workers * (_THREADS_EACH + 3 * threads))
    yield temporary(needs_it=n_workers > 1)


def files(limit: int | None) -> Finding:
    """Decide about the files that a process may open."""
    details = {"files": limit}
    if limit is None or limit >= _FILES:
        said = "no limit" if limit is None else f"{limit:,}"
        return fine(NAME, f"open files: {said}.", **details)
    return (broken if limit < _FEWEST_FILES else warning)(
        NAME,
        f"a process may open {limit} files. Each connection takes one; beyond that nobody is "
        "let in.",
        "Raise it: ulimit -n 65536 in the shell, LimitNOFILE= in systemd, --ulimit nofile=65536 "
        "for docker or podman.",
        **details,
    )


def processes(limit: int | None, wanted: int) -> Finding:
    """Decide about the processes and threads that the container or the user may have.

    Parameters
    ----------
    limit : how many
    wanted : how many a server with these settings may start
    """
    details = {"processes": limit, "wanted": wanted}
    if limit is None:
        return fine(NAME, "processes and threads: no limit.", **details)
    if limit < wanted:
        return broken(
            NAME,
            f"{limit} processes and threads are allowed, and a server with these settings may "
            f"start {wanted}: threads can't be started then.",
            "Raise it: --pids-limit for docker or podman, TasksMax= in systemd, ulimit -u in the "
            "shell; or lower --threads and --workers.",
            **details,
        )
    return fine(NAME, f"processes and threads: {limit:,}.", **details)


def temporary(*, needs_it: bool) -> Finding:
    """Try to write a temporary file.

    Parameters
    ----------
    needs_it : whether the server has workers, which share files there
    """
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"sentire")
            file.flush()
    except OSError as error:
        return (broken if needs_it else warning)(
            NAME,
            f"no temporary file can be written: {error.strerror or error}.",
            "Mount a writable folder and name it in TMPDIR: --tmpfs /tmp for docker or podman, an "
            "emptyDir in Kubernetes.",
            temporary=False,
        )
    return fine(NAME, f"temporary files: {tempfile.gettempdir()}.", temporary=True)


def _soft(name: int) -> int | None:
    limit = psutil.Process().rlimit(name)[0] if hasattr(psutil.Process, "rlimit") else -1
    return None if limit in {-1, getattr(psutil, "RLIM_INFINITY", -1)} else limit
