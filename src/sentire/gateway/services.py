"""The model services as last seen: where they are, whether they are ready, what they hold.

Reads:   the names of services, ``/health/ready`` and ``/v2/models`` of each
Gives:   what was seen; the addresses to the client that asks for predictions
Never:   sends a text; waits for one service after the other
"""

from functools import partial
from typing import Literal, NamedTuple

import msgspec

from sentire.client import Client, RetryPolicy
from sentire.client.servers import Servers
from sentire.errors import SentireError, ServiceUnreachable
from sentire.gateway.addresses import Addresses
from sentire.poller import Poller
from sentire.serving.models import ModelState
from sentire.types import ModelInfo

_WITHIN_S = 2.0
"""For all services together."""
_POLL_RETRY = RetryPolicy(timeout_s=_WITHIN_S, tries=1, longest_wait_s=0)
_STATES: dict[str, Literal["ready", "loading"]] = {"READY": "ready", "LOADING": "loading"}


class _Entry(msgspec.Struct):
    name: str
    version: str
    state: str
    reason: str
    digest: str


class _Listing(msgspec.Struct):
    versions: list[_Entry]


class _Health(msgspec.Struct):
    model: ModelInfo


_LISTING, _HEALTH = msgspec.json.Decoder(_Listing), msgspec.json.Decoder(_Health)


class ServicesStatus(NamedTuple):
    """What all services said."""

    default: ModelInfo | None
    """Of the first that is ready; None where none is."""
    states: list[ModelState]
    """What that one holds."""
    reasons: list[str]
    """What is wrong with the others."""


class Services:
    """Polls model services. Close it.

    Parameters
    ----------
    addresses : Addresses
    servers : Servers
        Told of addresses and of services that are back.
    api_key : str, optional
    """

    def __init__(self, addresses: Addresses, servers: Servers, *, api_key: str | None) -> None:
        self._addresses, self._servers, self._api_key = addresses, servers, api_key
        self._clients: dict[str, Client] = {}
        self._poller: Poller[tuple[ModelInfo, list[ModelState]]] = Poller(within_s=_WITHIN_S)

    def poll(self) -> ServicesStatus:
        """Ask every service at once, wherever its name leads now."""
        self._update_clients()
        default, states, reasons = None, list[ModelState](), list[str]()
        asked = {url: partial(_ask, client) for url, client in self._clients.items()}
        for url, answer in self._poller.ask(asked).items():
            try:
                model, listed_states = answer.result(timeout=0)
                if default is None:
                    default, states = model, listed_states
            except TimeoutError:
                reasons.append(f"{url} did not answer within {_WITHIN_S:g} s")
            except ServiceUnreachable as error:
                reasons += error.reasons
            except (SentireError, msgspec.MsgspecError) as error:
                reasons.append(f"{url}: {error}")
            else:
                self._servers.mark_ready(url)
        return ServicesStatus(default, states, reasons)

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _update_clients(self) -> None:
        found = self._addresses.resolve()
        if set(found) == set(self._clients):
            return
        for url in set(self._clients) - set(found):
            self._clients.pop(url).close()
        for url in set(found) - set(self._clients):
            client = Client(url, api_key=self._api_key, retry=_POLL_RETRY)
            client.servers.change({url: found[url]})
            self._clients[url] = client
        self._servers.change(found)


def _ask(client: Client) -> tuple[ModelInfo, list[ModelState]]:
    """Ask one service for its default model, which is ready, and for all that it holds."""
    health = _HEALTH.decode(client.fetch("/health/ready"))
    return health.model, _states(client.fetch("/v2/models"), health.model.name)


def _states(body: bytes, default: str) -> list[ModelState]:
    """Read what a service lists."""
    return [
        ModelState(
            name=entry.name,
            version=entry.version,
            digest=entry.digest,
            state=_STATES.get(entry.state, "failed"),
            reason=entry.reason,
            is_default=entry.name == default,
        )
        for entry in _LISTING.decode(body).versions
    ]
