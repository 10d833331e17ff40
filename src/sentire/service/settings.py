"""Everything that a server can be told, joined from the rooms that it is made of."""

from collections.abc import Mapping
from pathlib import Path

from sentire.config import read_settings
from sentire.errors import OptionError
from sentire.serving.settings import ModelSettings
from sentire.web.settings import KeySettings, Limits, ServerSettings


class Settings(ModelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a server can be told."""

    server: ServerSettings = ServerSettings()
    limits: Limits = Limits()
    keys: KeySettings = KeySettings()


def load_settings(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings of a server; see :func:`~sentire.config.read_settings`.

    Parameters
    ----------
    file : Path or None
        A TOML file.
    environ : mapping
        Usually ``os.environ``.

    Raises
    ------
    OptionError
        The file can't be read, a name is unknown, or a value is not allowed.

    Examples
    --------
    >>> load_settings(None, {"SENTIRE_SERVER_PORT": "9000"}).server.port
    9000
    """
    settings = read_settings(Settings, file, environ)
    arriving, one = settings.limits.arriving_bytes, settings.limits.body_bytes
    if arriving is not None and arriving < one:
        raise OptionError(
            f"limits.arriving_bytes is {arriving}, and limits.body_bytes {one}: the largest body "
            "that is allowed could never arrive. Raise the first or lower the second."
        )
    return settings
