"""Mounts that one process sees alone, where this user may have some."""

import shutil
import subprocess

import pytest

_WORDS = ("unshare", "--mount", "--map-root-user")


def mounting(script: str) -> tuple[str, ...]:
    """Words in front of a command; the shell script mounts, and ends with ``exec "$@"``."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed: apt-get install util-linux")
    try_it = [*_WORDS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    tried = subprocess.run(try_it, capture_output=True, check=False, text=True)
    if tried.returncode:
        pytest.skip(f"a process can't have mounts of its own here: {tried.stderr.strip()}")
    return (*_WORDS, "sh", "-c", script, "sh")
