"""Models that every worker of a server has.

Reads:   what is asked of this worker, and what the others say
Gives:   models that are loaded and unloaded in all workers; readiness of all together
Never:   starts a process or takes a connection; ``workers/`` does
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from sentire.serving.models import Models
from sentire.serving.served import ServedModels, names_of
from sentire.serving.states import ProcessState
from sentire.workers.member import Action, Member, WorkerStatus


class SharedModels(Models):
    """Models that every worker of a server has: loading and unloading reaches all of them.

    Parameters
    ----------
    *sources, **options : those of :class:`~sentire.serving.models.Models`
    member : Member
        This worker.
    """

    def __init__(self, *sources: Any, member: Member, **options: Any) -> None:
        super().__init__(*sources, **options)
        self._member = member

    @property
    def ready(self) -> bool:
        """Whether requests would be answered, whichever worker they reach."""
        return self.ready_here and self._member.others_ready

    @property
    def ready_here(self) -> bool:
        """Whether requests would be answered by this worker."""
        return super().ready

    async def load(self, name: str) -> None:
        """Take what is at a model's sources now, in all workers.

        Raises
        ------
        ModelNotFound
            No such model is served.
        BackendError
            It can't be loaded in one of them; what served there before still does.
        """
        self._named(name)  # an unknown one is refused before anybody is asked
        await self._member.change("load", name)

    async def unload(self, name: str) -> None:
        """Give a model's memory back, in all workers.

        Raises
        ------
        ModelNotFound
            No such model is served.
        """
        self._named(name)
        await self._member.change("unload", name)

    async def change_here(self, action: Action, name: str) -> None:
        """Load or unload a model in this worker alone."""
        await (super().load(name) if action == "load" else super().unload(name))


def following(
    member: Member, models: ServedModels, state: Callable[[], ProcessState]
) -> AbstractAsyncContextManager[None]:
    """Do meanwhile what all workers should do, and say how this one fares.

    Parameters
    ----------
    member : Member
        This worker.
    models : ServedModels
        Only :class:`SharedModels` are ever changed: others belong to other servers.
    state : function
        Reads what this process fares like, for the page of metrics that another worker makes.
    """

    async def apply(action: Action, name: str) -> None:
        if isinstance(models, SharedModels):
            await models.change_here(action, name)

    def observe() -> WorkerStatus:
        ready = models.ready_here if isinstance(models, SharedModels) else models.ready
        figures = msgspec.Raw(msgspec.json.encode(state()))
        return WorkerStatus(ready, names_of(models), figures)

    return member.following(apply, observe)
