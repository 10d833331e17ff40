"""What a worker is told when it is started."""

from typing import Literal

import msgspec

from sentire.service.settings import Settings

ApplicationName = Literal["gateway", "service"]
"""What is served: page, API and models, or the model service alone."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker does; the folder of its file is that of all workers."""

    app: ApplicationName
    settings: Settings
    number: int
    """From 1; whoever takes the place of a worker has its number."""
    n_workers: int
    listener: int
    """File descriptor of the socket that all of them take connections from."""
