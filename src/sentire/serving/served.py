"""What an application needs of the models it serves, wherever they are.

``models.py`` has them in this process; ``gateway/remote.py`` asks other servers.
"""

from collections.abc import Sequence
from typing import Protocol

from sentire.inference.cache import AnswerCache
from sentire.serving.models import ModelState
from sentire.serving.slot import Slot
from sentire.types import Answer, ModelInfo, PredictOptions


class ServedModel(Protocol):
    """A model as one request sees it."""

    @property
    def info(self) -> ModelInfo:
        """Which version answers; after :meth:`predict`, which one did."""

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""

    async def predict(self, texts: Sequence[object], options: PredictOptions) -> list[Answer]:
        """Score the texts of one request: n in, n out, in order."""


class ServedModels(Protocol):
    """Models under their names."""

    @property
    def slots(self) -> Sequence[Slot]:
        """Where those in this process serve; empty where they are elsewhere."""

    @property
    def cache(self) -> AnswerCache | None:
        """Answers that are kept in this process."""

    @property
    def ready(self) -> bool:
        """Whether requests would be answered."""

    def get(self, name: str | None = None, version: str | None = None) -> ServedModel:
        """Take the version that answers now."""

    def listed(self) -> list[ModelState]:
        """Every version that is known, and how it fares."""

    def follow(self) -> None:
        """Look for what has changed; called again and again from a thread of its own."""

    async def end(self) -> None:
        """Close what belongs to the event loop, when it ends."""

    def close(self) -> None:
        """Give everything back."""


def names_of(models: ServedModels) -> list[str]:
    """Name what is served, for people."""
    return [f"{model.name} {model.version}" for model in models.listed()]
