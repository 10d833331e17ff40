"""The settings of a server: those of its file and variables, with the command's options in them."""

from typing import Any

from msgspec.structs import replace

from sentire.config import check_value
from sentire.service.settings import Settings


def with_options(settings: Settings, options: dict[str, Any]) -> Settings:
    """Put the options of a command into settings; options win.

    Parameters
    ----------
    settings : Settings
    options : dict
        Those of :func:`~sentire.cli.server_options.serving_options` but ``config``, and
        ``model_urls``; None and empty ones say nothing.

    Raises
    ------
    OptionError
        An option is not allowed.
    """
    given = {key: value for key, value in options.items() if value not in {None, ()}}
    if "cors_origins" in given:
        check_value(
            Settings, "server.cors_origins", given["cors_origins"], name="option --cors-origin"
        )
    server = {
        field: given.pop(option)
        for option, field in (
            ("host", "host"),
            ("port", "port"),
            ("is_open", "open"),
            ("workers", "workers"),
            ("cors_origins", "cors_origins"),
        )
        if option in given
    }
    keys = {"file": given.pop("key_file")} if "key_file" in given else {}
    remote = {"urls": given.pop("model_urls")} if "model_urls" in given else {}
    if "models" in given:
        given["model"], *more = given["models"]
        given["models"] = tuple(more)
    return replace(
        settings,
        server=replace(settings.server, **server),
        keys=replace(settings.keys, **keys),
        remote=replace(settings.remote, **remote),
        **given,
    )
