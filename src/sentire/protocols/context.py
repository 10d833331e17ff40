"""What the routes of every dialect are made with."""

from typing import NamedTuple

from sentire.serving.models import Models
from sentire.serving.served import ServedModels
from sentire.web.body import BodyReader
from sentire.web.settings import Limits


class Context(NamedTuple):
    """The models that are served, and what a request may ask for."""

    models: ServedModels
    limits: Limits
    bodies: BodyReader
    """The application's."""
    origins: tuple[str, ...] = ()
    """Other sites whose pages may call."""

    @property
    def local(self) -> Models | None:
        """The models, where they are in this process and can be described and exchanged."""
        return self.models if isinstance(self.models, Models) else None
