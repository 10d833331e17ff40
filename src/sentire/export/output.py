"""Put a finished bundle in its place: whole, or not at all.

Reads:   the name of an output folder
Gives:   a workspace beside it, and the move at the end
Never:   replaces what is no bundle, or leaves half of one
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentire.atomic import place_folder
from sentire.bundle.manifest import MANIFEST_NAME
from sentire.errors import OptionError, OutputError
from sentire.io.failures import unwritable

_FINISHED = "bundle"


def check_output(output: Path, *, force: bool) -> None:
    """Refuse an output that can't be written, before any work is done.

    Raises
    ------
    OptionError
        There is a bundle already, and ``force`` is not set.
    OutputError
        It is a file, a folder with other things in it, or its parent is not there.
    """
    if output.is_dir():
        if not any(output.iterdir()):
            return
        if not (output / MANIFEST_NAME).is_file():
            raise OutputError(
                f"{output} is a folder with other files in it, and no bundle. Name a new folder."
            )
        if not force:
            raise OptionError(
                f"{output} is a bundle already. Name another folder, or replace it with --force."
            )
    elif output.exists():
        raise OutputError(f"{output} is a file. A bundle is a folder: name a new one.")
    elif not output.absolute().parent.is_dir():
        raise OutputError(unwritable(output, FileNotFoundError(2, "")))


@contextmanager
def output_workspace(output: Path, *, force: bool) -> Iterator[Path]:
    """Give a workspace; what lies in its folder ``bundle`` at the end becomes ``output``.

    The workspace is beside ``output``, so that the move is one rename. It is removed whatever
    happens; what a killed run left of it is replaced by the next.

    Raises
    ------
    OptionError, OutputError
        As :func:`check_output` says, or there is no space.
    """
    check_output(output, force=force)
    output = output.absolute()
    workspace = output.with_name(f".{output.name}.partial")
    try:
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir()
        yield workspace
        place_folder(finished(workspace), output, aside=workspace / "replaced")
    except OSError as error:
        raise OutputError(unwritable(output, error)) from error
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def finished(workspace: Path) -> Path:
    """Folder of the workspace that becomes the output."""
    return workspace / _FINISHED
