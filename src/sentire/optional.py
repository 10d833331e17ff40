"""Import a part that the base install does not hold, or say which command brings it.

sentire is on no package index: its bare name finds nothing there, or a stranger's package. So
advice names the place that this installation came from, which pip wrote down.
"""

import importlib
import json
import os
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sentire.errors import MissingExtra


def import_extra(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a module that an extra brings.

    Parameters
    ----------
    module : str
        Its full name.
    extra : str
        The extra, or several with commas between.
    purpose : str
        What needs it, as the beginning of a sentence.

    Raises
    ------
    MissingExtra
        It is not installed; the message holds the command that installs the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing_extra(extra, purpose) from error


def missing_extra(extra: str, purpose: str) -> MissingExtra:
    """Make the error that tells how to install an extra here.

    Parameters
    ----------
    extra : the extra, or several with commas between
    purpose : what needs it, as the beginning of a sentence
    """
    return MissingExtra(extra, purpose, install_command(extra))


def install_command(extra: str = "", *options: str) -> str:
    """Give the command that installs sentire again, from where it came.

    Parameters
    ----------
    extra : extra to install with it, or several with commas between; empty for none
    *options : words for pip, such as ``--force-reinstall``
    """
    extras = f"[{extra}]" if extra else ""
    origin = _origin()
    url = str(origin.get("url", ""))
    path = _path(url)
    if path is not None and path.is_dir():
        editable = ["-e"] if source_folder() else []
        return pip_command("install", *options, *editable, f"{path}{extras}")
    if url and (path is None or path.exists()):
        if "vcs_info" in origin:
            url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
        return pip_command("install", *options, f"sentire{extras} @ {url}")
    return f"{pip_command('install', *options, f'.{extras}')} (in a clone of sentire)"


def pip_command(*words: str) -> str:
    """Give a command of pip that acts on the environment of this process, for a shell.

    Parameters
    ----------
    *words : what follows ``pip``; each is quoted where a shell asks for it
    """
    pip, python = shutil.which("pip"), shlex.quote(sys.executable)
    if pip is not None and Path(pip).parent == Path(sys.executable).parent:
        command = "pip"
    elif _is_installed("pip"):
        command = f"{python} -m pip"
    else:  # an environment made by uv, or without pip: one from elsewhere can reach into it
        command = f"pip --python {python}"
    return f"{command} {' '.join(map(shlex.quote, words))}"


def _is_installed(package: str) -> bool:
    """Whether a package is there; to look for its module would wake setuptools' hook for pip."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def source_folder() -> Path | None:
    """Folder of the clone that this process runs from; None where its files were copied."""
    origin = _origin()
    is_editable = origin.get("dir_info", {}).get("editable", False)
    return _path(str(origin["url"])) if is_editable else None


def _origin() -> dict[str, Any]:
    """What pip wrote down of where sentire came from (PEP 610); nothing where nobody did."""
    try:
        written = distribution("sentire").read_text("direct_url.json")
    except PackageNotFoundError:  # run from files that nobody installed
        return {}
    return dict(json.loads(written)) if written else {}


def _path(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def silence_openvino() -> None:
    """Switch off OpenVINO's usage reports: sentire never calls home.

    ``import openvino`` alone starts a process that tells Google Analytics of it, and writes an
    identity to ``~/intel``. Where its package for that can't be imported, it does without.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def import_nncf() -> ModuleType:
    """Import NNCF with its usage reports, and those of OpenVINO behind it, switched off.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    os.environ["NNCF_CI"] = "1"
    silence_openvino()
    return import_extra("nncf", extra="export", purpose="INT8 quantization")
