"""What an application on Ray can be told: arguments of ``build``, and settings of each replica.

Reads:   arguments as ``serve run`` or a Serve config file gives them; a settings file; variables
Gives:   frozen :class:`DeploymentOptions`; the settings of one replica
Never:   imports Ray
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from sentire.errors import OptionError
from sentire.service.settings import Settings, load_settings
from sentire.web.settings import ServerSettings

_Seconds = Annotated[float, Meta(ge=0, le=86_400)]
_Count = Annotated[int, Meta(ge=1)]

_ELSEWHERE = {
    "host": "http_options of the Serve config file",
    "port": "http_options of the Serve config file",
    "open": "http_options of the Serve config file",
    "workers": "min_replicas and max_replicas",
    "hang_s": "the argument hang_s",
}
"""Settings of a server that Ray has in its own hands, and where they are made there."""


class DeploymentOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of an application."""

    models: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    """As ``--model`` takes them; the first is the default. Empty leaves it to the settings."""
    config: Annotated[str, Meta(min_length=1)] | None = None
    """A settings file in TOML, on every machine that runs a replica."""
    cpus: _Count = 1
    """CPUs that a replica reserves and computes with."""
    min_replicas: Annotated[int, Meta(ge=0)] = 1
    """With 0 the first request after a quiet time waits until a model is loaded."""
    max_replicas: _Count = 4
    target_ongoing_requests: Annotated[float, Meta(gt=0)] = 16.0
    """Requests at once that a replica should have: more of them start another replica."""
    target_wait_ms: Annotated[float, Meta(gt=0)] = 50.0
    """Milliseconds that texts should wait for the model at most: longer starts another replica."""
    upscale_delay_s: _Seconds = 10.0
    """How long there has to be too much to do before a replica is started."""
    downscale_delay_s: _Seconds = 300.0
    """How long there has to be too little to do before one is stopped."""
    look_back_s: Annotated[float, Meta(gt=0)] = 30.0
    """Seconds that load is averaged over."""
    report_s: Annotated[float, Meta(gt=0)] = 10.0
    """Seconds between two reports of load."""
    hang_s: Annotated[float, Meta(gt=0)] = 10.0
    """Seconds after which a replica that does not say how it fares counts as ill; at the third time
    it is replaced."""
    max_ongoing_requests: _Count = 256
    """Requests at once that a replica takes; more wait in Ray's proxy."""
    max_queued_requests: _Count = 1024
    """Requests that wait in one proxy; more are refused with 429."""


def read_options(arguments: Mapping[str, Any]) -> DeploymentOptions:
    """Read the arguments of an application.

    Parameters
    ----------
    arguments : mapping
        Values may be texts, as a command line gives them; ``models`` then has commas in between.

    Raises
    ------
    OptionError
        A name is unknown, or a value is not allowed.

    Examples
    --------
    >>> read_options({"models": "zh-en,shop=./shelf/shop@production"}).models
    ('zh-en', 'shop=./shelf/shop@production')
    """
    given = dict(arguments)
    if isinstance(given.get("models"), str):
        given["models"] = [part.strip() for part in given["models"].split(",") if part.strip()]
    try:
        options = msgspec.convert(given, DeploymentOptions, strict=False)
    except msgspec.ValidationError as error:
        raise OptionError(
            f"arguments of the application: {error}. "
            f"Allowed are {', '.join(DeploymentOptions.__struct_fields__)}."
        ) from None
    if options.min_replicas > options.max_replicas:
        raise OptionError(
            f"min_replicas is {options.min_replicas}, and max_replicas {options.max_replicas}. "
            "Take one that is not smaller for max_replicas."
        )
    return options


def settings_for(options: DeploymentOptions, environ: Mapping[str, str], *, cpus: int) -> Settings:
    """Make the settings of a replica: its file, the variables over it, the arguments over both.

    Parameters
    ----------
    options : DeploymentOptions
    environ : mapping
        Of the replica's process.
    cpus : int
        CPUs that Ray gave to the replica; the engine has as many threads where no setting says
        otherwise.

    Raises
    ------
    OptionError
        A setting is unknown, not allowed, or is Ray's to make.
    """
    settings = load_settings(None if options.config is None else Path(options.config), environ)
    for name, place in _ELSEWHERE.items():
        if getattr(settings.server, name) != getattr(ServerSettings(), name):
            raise OptionError(
                f"the settings have server.{name}, which does nothing on Ray. "
                f"Take it away; there it is {place}."
            )
    if settings.remote.urls:
        raise OptionError(
            "the settings name model services (remote.urls), and a replica holds its models "
            "itself. Take the setting away."
        )
    changes: dict[str, Any] = {"threads": cpus if settings.threads is None else settings.threads}
    if options.models:
        changes["model"], *more = options.models
        changes["models"] = tuple(more)
    return replace(settings, **changes)
