"""Models that other servers hold: the gateway asks them over HTTP and knows nothing of bundles.

So models change there without touching the gateway. The servers are asked for their health again
and again; a request goes to one that is healthy, and where none is, it is refused at once.

Reads:   the addresses of model services
Gives:   what ``serving/models.py`` gives
Never:   shows its own callers the addresses, or what a service says about the gateway's key
"""

import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import msgspec

from sentire.client import AsyncClient, RetryPolicy
from sentire.errors import (
    RequestRefused,
    SentireError,
    ServiceFailed,
    ServiceUnreachable,
    Unavailable,
)
from sentire.gateway.addresses import Addresses, Lookup
from sentire.gateway.services import Services
from sentire.service.settings import Settings
from sentire.serving.models import ModelState
from sentire.telemetry.traces import carrier
from sentire.types import Answer, ModelInfo, Prediction, PredictOptions

_LOG = logging.getLogger("sentire.models")

_AWAY = "No model service answers. Try again a little later."
_MOST_TRIED = 4
"""Services of which each may be tried twice, where one name stands for many."""


def open_remote(settings: Settings) -> "RemoteModels":
    """Get ready to ask the model services that the settings name; the caller closes it.

    Raises
    ------
    MissingExtra
        httpx is not installed.
    OptionError
        An address is none.
    """
    remote, timeout_s = settings.remote, settings.limits.request_s
    carried = carrier() if settings.server.tracing else None
    return RemoteModels(remote.urls, api_key=remote.key, timeout_s=timeout_s, carried=carried)


class RemoteServed:
    """A model of another server as one request sees it.

    Parameters
    ----------
    models : RemoteModels
        Asks the services.
    asked : str or None
        ``NAME`` or ``NAME@VERSION``; None is the services' default.

    Attributes
    ----------
    info : ModelInfo
        What was last seen there; after :meth:`predict`, which version answered.
    """

    def __init__(self, models: "RemoteModels", asked: str | None, info: ModelInfo) -> None:
        self._models = models
        self._asked = asked
        self.info = info

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""
        return self._models.ready

    async def predict(self, texts: Sequence[object], options: PredictOptions) -> list[Answer]:
        """Score the texts of one request: n in, n out, in order, by one request there.

        Raises
        ------
        Unavailable
            No service answers, or it has too much to do.
        RequestRefused
            It has no such model, or the model no such output.
        ServiceFailed
            It failed, or does not take the gateway's requests.
        """
        records = await self._models.ask(texts, options, model=self._asked)
        self.info = next((r.model for r in records if isinstance(r, Prediction)), self.info)
        return records


class RemoteModels:
    """Asks model services. Close it, or use it in ``with``.

    It has no ``slots`` and no ``cache``: the services have them.

    Parameters
    ----------
    urls : sequence of str, at least one
        Base addresses of services that hold the same models. A name with several addresses stands
        for a service at each.
    api_key : str, optional
        What the services ask for.
    timeout_s : float
        Seconds for a request with all its tries.
    carried : function, optional
        Gives the headers that carry the trace of the request at hand.
    lookup : function
        Finds the addresses of a name.

    Raises
    ------
    MissingExtra
        httpx is not installed.
    OptionError
        An address is none.
    """

    slots = ()
    cache = None

    def __init__(
        self,
        urls: Sequence[str],
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        carried: Callable[[], Mapping[str, str]] | None = None,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        # Short waits only: a connection that was closed meanwhile is opened again, and a service
        # that is away is for the caller to wait for.
        retry = RetryPolicy(
            timeout_s=timeout_s,
            tries=2 * max(_MOST_TRIED, len(urls)) + 1,
            longest_wait_s=0.1,
            first_wait_s=0.05,
            one_try_s=max(1.0, timeout_s / 2),
        )
        self._client = AsyncClient(
            urls, api_key=api_key, retry=retry, connections=1000, headers=carried
        )
        addresses = Addresses(self._client.servers.urls, lookup=lookup)
        self._services = Services(addresses, self._client.servers, api_key=api_key)
        self._states: list[ModelState] = []
        self._default = ModelInfo("", "", "")
        self._is_ready = False
        self._last_logged = ""
        self.follow()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> bool:
        """Whether a service was ready when it was last looked at, or answered since."""
        return self._is_ready

    def get(self, name: str | None = None, version: str | None = None) -> RemoteServed:
        """Take a model; whether it is there shows when it is asked."""
        asked = name if version is None else f"{name or self._default.name}@{version}"
        info = self._default
        for state in self._states:
            if state.name == name and version in {None, state.version}:
                info = ModelInfo(state.name, state.version, state.digest)
                break
        return RemoteServed(self, asked, info)

    def listed(self) -> list[ModelState]:
        """Every version that a service listed when it was last looked at."""
        return self._states

    async def ask(
        self, texts: Sequence[object], options: PredictOptions, *, model: str | None
    ) -> list[Answer]:
        """Score texts on a service that is healthy; see :meth:`RemoteServed.predict`.

        Parameters
        ----------
        texts : sequence of object
        options : PredictOptions
        model : str or None
            ``NAME`` or ``NAME@VERSION``; None is the services' default.

        Raises
        ------
        Unavailable
            No service answers, or it has too much to do.
        RequestRefused, ServiceFailed
            As in :meth:`RemoteServed.predict`.
        """
        try:
            records = await self._client.predict(texts, options, model=model)
        except ServiceUnreachable as error:
            if self._is_ready:
                self._is_ready = False
                self._note(error.reasons)
            raise Unavailable(_AWAY) from error
        except RequestRefused as error:
            raise _own(error) from error
        self._is_ready = True
        return records

    def follow(self) -> None:
        """Look at the health and the models of every service."""
        seen = self._services.poll()
        if seen.default is None:
            self._states = [
                msgspec.structs.replace(state, state="failed", reason=_AWAY)
                for state in self._states
            ]
        else:
            self._states, self._default = seen.states, seen.default
        self._is_ready = seen.default is not None
        self._note(seen.reasons)

    async def end(self) -> None:
        """Close the connections of requests."""
        await self._client.aclose()

    def close(self) -> None:
        """Close the connections that poll."""
        self._services.close()

    def _note(self, reasons: Sequence[str]) -> None:
        """Log what is wrong with the services, once until it changes."""
        said = "; ".join(reasons)
        if said != self._last_logged:
            _LOG.warning("model services: %s", said or "all are ready")
            self._last_logged = said


def _own(error: RequestRefused) -> SentireError:
    """Say what a service refused: what the gateway's caller can mend, or what only we can."""
    if error.status in {404, 422}:
        return error
    _LOG.error("a model service does not take the gateway's requests: %s", error.detail)
    return ServiceFailed("the model service", f"does not take the gateway's requests: {error.code}")
