"""The image that ours stand on: the hub's where it can be reached, else made from Debian."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from engine import Engine

HUB = "docker.io/library/python:3.11-slim-bookworm"
_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The hub's slim images leave these away as well.
_UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale",
             "var/cache/apt", "var/lib/apt/lists", "var/log")  # fmt: skip


def base_image(engine: Engine, registry: str, kept: Path) -> tuple[str, str]:
    """Put a base image into a registry; gives its name there and its digest.

    Parameters
    ----------
    registry : str
        ``HOST:PORT``.
    kept : Path
        Folder for what takes a minute to make, so that the next run finds it.
    """
    name = f"{registry}/base:bookworm"
    try:
        subprocess.run(
            ["podman", "pull", "--quiet", HUB],
            check=True,
            capture_output=True,
            env=engine.environment,
            timeout=120,
        )
        engine("tag", HUB, name)
    except subprocess.SubprocessError:
        archive = _from_debian(kept)
        engine("import", "--quiet", "--change", f"ENV PATH={_PATH}", archive, name)
    return name, push(engine, name)


def push(engine: Engine, name: str) -> str:
    """Push an image to a registry without TLS; gives the digest it has there."""
    digest = engine.folder / "digest"
    engine("push", "--quiet", "--tls-verify=false", "--digestfile", digest, name)
    return digest.read_text().strip()


def _from_debian(kept: Path) -> Path:
    archive = kept / "bookworm.tar"
    if archive.exists():
        return archive
    if shutil.which("debootstrap") is None:
        pytest.skip(f"needs {HUB}, or debootstrap to make it: apt-get install debootstrap")
    root = kept / "root"
    shutil.rmtree(root, ignore_errors=True)
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", root],
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    if made.returncode:
        pytest.skip(f"neither {HUB} nor Debian's packages can be had: {made.stdout[-200:]}")
    for folder in _UNWANTED:
        shutil.rmtree(root / folder, ignore_errors=True)
    partial = archive.with_suffix(".partial")
    with tarfile.open(partial, "w") as tar:
        tar.add(root, arcname=".")
    shutil.rmtree(root)
    partial.rename(archive)
    return archive
