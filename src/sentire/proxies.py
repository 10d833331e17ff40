"""Which requests go through a proxy: those that the environment says, save those to this machine.

``HTTP_PROXY``, ``HTTPS_PROXY`` and ``ALL_PROXY`` send everything to a proxy that ``NO_PROXY`` does
not name. A proxy elsewhere can't reach this machine's own address, so loopback always goes direct.

Reads:   URLs, and the variables of the environment
Gives:   whether and which proxy; clients of httpx that keep to that
Never:   shows the credentials of a proxy
"""

from ipaddress import ip_address
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from sentire.errors import OptionError

_UNUSABLE = (ValueError, ImportError)
"""What httpx raises of a proxy of a kind that it does not know, or that needs another package."""


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine: ``localhost``, ``127.0.0.0/8`` or ``::1``.

    Examples
    --------
    >>> is_loopback("http://[::1]:5000"), is_loopback("http://model:5000")
    (True, False)
    """
    host = _parts(url)[1].rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def proxy_of(url: str) -> str:
    """Name the proxy that a request goes through; empty where it goes direct."""
    scheme, host = _parts(url)
    if not scheme or not host or is_loopback(url):
        return ""
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all") or ""
    if not found or proxy_bypass(host):
        return ""
    scheme, separator, rest = found.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def by_way_of(proxy: str) -> str:
    """Words to put behind an address; empty where there is no proxy."""
    return f" (by way of the proxy {proxy})" if proxy else ""


def unusable(error: Exception) -> OptionError:
    """Say that a proxy of the environment is of a kind that can't be used."""
    return OptionError(
        f"the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names can't be used: {error} "
        "Name one as http://HOST:PORT, or unset the variable."
    )


def open_client(httpx: ModuleType, url: str, **options: Any) -> Any:
    """Open a blocking client of httpx for the host of a URL.

    Parameters
    ----------
    httpx : module
    url : str
        Where it is this machine, requests to it go direct; redirections elsewhere don't.
    **options : those of ``httpx.Client``

    Raises
    ------
    OptionError
        The environment names a proxy that can't be used, and the host needs it.
    """
    direct = {"mounts": {f"all://{urlsplit(url).netloc}": None}} if is_loopback(url) else {}
    try:
        return httpx.Client(**direct, **options)
    except _UNUSABLE as error:
        if not direct:
            raise unusable(error) from None
        return httpx.Client(transport=httpx.HTTPTransport(), **options)


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host; empty where it is no URL, which whoever asks it will say."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""
