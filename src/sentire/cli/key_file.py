"""The work of ``sentire keys``: one file, read and written as a whole."""

from pathlib import Path

import click

from sentire.atomic import write_file
from sentire.errors import OptionError
from sentire.web.keys import new_key, read_key_text, read_keys


def keys(
    file: Path, *, add: str | None, remove: str | None, rate: float | None, admin: bool
) -> None:
    """Make, list or remove keys.

    Parameters
    ----------
    file : Path
    add, remove : str, optional
        Whose key is made and printed, or whose keys are taken out; neither lists the names.
    rate : float, optional
        Texts a second for the new key; None is the server's.
    admin : whether the new key may load and unload models

    Raises
    ------
    OptionError
        The file can't be read or written, or has no such key.
    """
    if add is not None and remove is not None:
        raise click.UsageError("--add and --remove are two steps; take one.")
    if add is None and (rate is not None or admin):
        raise click.UsageError("--rate and --admin are for --add.")
    if add is not None:
        presented, key = new_key(add, rate=rate, admin=admin)
        known = read_key_text(file) if file.exists() else ""
        if any(line.strip() and not line.lstrip().startswith("#") for line in known.splitlines()):
            read_keys(file)  # a file of anything else is not written into
        _write(file, known + ("" if known.endswith("\n") or not known else "\n") + key.line())
        click.echo(presented)
        click.echo("This is the only time that the key is shown.", err=True)
        return
    if not file.exists():
        raise OptionError(
            f"key file {file}: No such file. Make it with its first key: "
            f"sentire keys {file} --add NAME"
        )
    known_keys = read_keys(file)
    if remove is None:
        for key in known_keys:
            limit = f"{key.rate:g} texts/s" if key.rate is not None else "-"
            click.echo(f"{key.name}\t{limit}\t{'admin' if key.admin else '-'}")
        return
    lines = read_key_text(file).splitlines(keepends=True)
    left = [line for line in lines if not line.strip().startswith(f"{remove}:")]
    if len(left) == len(lines):
        names = ", ".join(dict.fromkeys(key.name for key in known_keys))
        raise OptionError(f"key file {file} has no key of {remove!r}. It has: {names or 'none'}.")
    _write(file, "".join(left))


def _write(file: Path, text: str) -> None:
    """Replace the file as a whole: a server may read it at this moment."""
    try:
        write_file(file, text.encode(), mode=0o600)
    except OSError as error:
        raise OptionError(f"key file {file}: {error.strerror}.") from None
