"""Whether the model services behind a gateway answer."""

from collections.abc import Iterator

from sentire.doctor.findings import Finding, Machine, broken, fine, missing, skipped
from sentire.errors import MissingExtra
from sentire.optional import import_extra

NAME = "services"

_PATIENCE_S = 3.0


def look(machine: Machine) -> Iterator[Finding]:
    """Ask each model service that the settings name for its health."""
    urls = machine.settings.remote.urls
    for url in urls:
        yield ask(url)
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
    details = {"url": url}
    try:
        answer = httpx.get(f"{url.rstrip('/')}/health/ready", timeout=_PATIENCE_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return broken(
            NAME,
            f"no service is reached at {url}: {error}.",
            "Start it (sentire serve-model --host ADDRESS), or see the address, the port and the "
            "firewall between. In a container, 127.0.0.1 is the container itself.",
            **details,
        )
    if answer.status_code != 200:
        return broken(
            NAME,
            f"what answers at {url} says {answer.status_code}, so it is not ready or no model "
            "service.",
            f"See its log, and curl {url}/health/ready",
            **details,
            http=answer.status_code,
        )
    return fine(
        NAME, f"{url} is ready ({1000 * answer.elapsed.total_seconds():.0f} ms).", **details
    )
