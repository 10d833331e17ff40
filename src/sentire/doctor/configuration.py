"""Whether the settings can be read, and the file of keys that they name."""

from collections.abc import Mapping
from pathlib import Path

from sentire.doctor.findings import Finding, fine, of_error
from sentire.errors import OptionError
from sentire.service.settings import Settings, load_settings
from sentire.web.keys import read_keys

NAME = "settings"


def read(file: Path | None, environ: Mapping[str, str]) -> tuple[Settings, Finding]:
    """Read the settings as a server does; where they can't be read, the defaults stand in.

    Parameters
    ----------
    file : Path or None
        TOML.
    environ : variables
    """
    try:
        settings = load_settings(file, environ)
    except OptionError as error:
        return Settings(), of_error(
            NAME,
            error,
            "Correct it; until then no server starts. What follows is about the defaults.",
        )
    named = sorted(name for name in environ if name.startswith("SENTIRE_") and environ[name])
    said = f"{file or 'no file'}, {len(named)} variables."
    return settings, fine(NAME, said, file=str(file) if file else None, variables=named)


def check_keys(settings: Settings) -> Finding | None:
    """Tell where the file of keys can't be used; None where it can, or there is none."""
    if settings.keys.file is None:
        return None
    try:
        read_keys(Path(settings.keys.file))
    except OptionError as error:
        return of_error(NAME, error, "Make one: sentire keys keys.txt --add NAME")
    return None
