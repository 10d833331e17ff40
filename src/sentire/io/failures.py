"""What to tell a person when an output can't be written."""

import errno
from pathlib import Path

_RESUME = ", then run the same command with --resume"


def unwritable(output: Path | str, error: OSError, *, resumable: bool = False) -> str:
    """Say in one line why, and what to do.

    Parameters
    ----------
    output : Path or str
        What could not be written.
    error : OSError
    resumable : bool
        Whether what was written so far is kept.
    """
    again = _RESUME if resumable else ", then run the command again"
    folder = Path(output).parent
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return f"{output}: no space is left on its disk. Free some{again}."
    if error.errno == errno.ENOENT:
        return f"{output}: the folder {folder} does not exist. Create it: mkdir -p {folder}"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{output}: this user may not write there. Choose another folder{again}."
    if error.errno == errno.ENOTDIR:
        return f"{output}: {folder} is a file, not a folder. Choose another place."
    if error.errno == errno.EISDIR:
        return f"{output} is a folder. Name a file in it."
    return f"{output} can't be written: {error.strerror or error}. Mend that{again}."
