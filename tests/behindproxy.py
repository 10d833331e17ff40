"""An environment that sends everything to a proxy, which reaches nothing on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from valkeyserver import free_port

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


@contextmanager
def proxy_named(**variables: str) -> Iterator[None]:
    """Let just these of the variables that name proxies be set, in either case of letters."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@contextmanager
def behind_proxy() -> Iterator[str]:
    """Name a proxy at which nobody answers; gives its address."""
    proxy = f"http://127.0.0.1:{free_port()}"
    with proxy_named(HTTP_PROXY=proxy, HTTPS_PROXY=proxy, ALL_PROXY=proxy):
        yield proxy
