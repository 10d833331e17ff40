"""Whether the model services behind a gateway answer."""

from collections.abc import Iterator
from functools import partial

from sentire.doctor.findings import Finding, Machine, broken, fine, missing, skipped
from sentire.errors import MissingExtra, OptionError
from sentire.optional import import_extra
from sentire.poller import Poller
from sentire.proxies import by_way_of, open_client, proxy_of

NAME = "services"

_TIMEOUT_S = 3.0


def look(machine: Machine) -> Iterator[Finding]:
    """Ask each model service that the settings name for its health, all at once."""
    urls = machine.settings.remote.urls
    poller: Poller[Finding] = Poller(within_s=2 * _TIMEOUT_S)
    for url, answer in poller.ask({url: partial(ask, url) for url in urls}).items():
        try:
            yield answer.result(timeout=0)
        except TimeoutError:
            yield broken(
                NAME,
                f"{url} gave no whole answer within {poller.within_s:g} s.",
                f"See its log, and curl {url}/health/ready",
                url=url,
            )
    if not urls:
        yield skipped(NAME, "none: models are loaded here.")


def ask(url: str) -> Finding:
    """Ask one service whether it is ready.

    Parameters
    ----------
    url : such as ``http://model:5000``
    """
    try:
        httpx = import_extra("httpx", extra="client", purpose="A gateway before model services")
    except MissingExtra as error:
        return missing(NAME, error)
    details, where = {"url": url}, f"{url}{by_way_of(proxy_of(url))}"
    try:
        with open_client(httpx, url, timeout=_TIMEOUT_S) as client:
            answer = client.get(f"{url.rstrip('/')}/health/ready")
    except (httpx.HTTPError, httpx.InvalidURL, OptionError) as error:
        return broken(
            NAME,
            f"no service is reached at {where}: {error}.",
            "Start it (sentire serve-model --host ADDRESS), or see the address, the port and the "
            "firewall between. In a container, 127.0.0.1 is the container itself.",
            **details,
        )
    if answer.status_code != 200:
        return broken(
            NAME,
            f"what answers at {where} says {answer.status_code}, so it is not ready or no model "
            "service.",
            f"See its log, and curl {url}/health/ready",
            **details,
            http=answer.status_code,
        )
    return fine(
        NAME, f"{url} is ready ({1000 * answer.elapsed.total_seconds():.0f} ms).", **details
    )
