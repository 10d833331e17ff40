"""Whether the shared cache answers, and fast enough to be worth asking."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from sentire.doctor.findings import Finding, Machine, broken, fine, missing, skipped, warning
from sentire.errors import MissingExtra
from sentire.optional import import_extra
from sentire.serving.settings import CacheSettings

NAME = "cache"

_TIMEOUT_S = 3.0
_TRIES = 5


def look(machine: Machine) -> Iterator[Finding]:
    """Ask the server of the shared cache."""
    cache = machine.settings.cache
    if cache.url is None:
        yield skipped(NAME, f"no shared one; {cache.bytes >> 20} MiB in each process.")
    else:
        yield ask(cache.url, cache)


def ask(url: str, cache: CacheSettings) -> Finding:
    """Connect, and take the best time of a few answers.

    Parameters
    ----------
    url : of a Redis or Valkey server
    cache : its settings
    """
    shown = _without_password(url)
    try:
        redis = import_extra("redis", extra="redis", purpose="A shared cache in Redis or Valkey")
    except MissingExtra as error:
        return missing(NAME, error)
    details: dict[str, Any] = {"url": shown}
    try:
        client = redis.Redis.from_url(
            url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S, retry=None
        )
    except ValueError:
        return broken(
            NAME,
            f"{shown} is no URL of a Redis or Valkey server.",
            "Write redis://HOST:PORT/0, rediss:// for TLS, or unix://PATH.",
            **details,
        )
    try:
        seconds = min(_time(client.ping) for _ in range(_TRIES))
    except redis.AuthenticationError:
        return broken(
            NAME,
            f"the server at {shown} refuses the password.",
            "Write the right one into the URL: redis://USER:PASSWORD@HOST:PORT/0",
            **details,
        )
    except (redis.RedisError, OSError) as error:
        return broken(
            NAME,
            f"no server answers at {shown}: {error}. A server starts without it, and computes "
            "what it would have known.",
            "Start it, or see the address, the port and the firewall between; or take cache.url "
            "away.",
            **details,
        )
    finally:
        client.close()
    details |= {"seconds": seconds}
    if seconds > cache.timeout_s:
        return warning(
            NAME,
            f"the server at {shown} answers in {1000 * seconds:.0f} ms, and an answer waits for "
            f"it {1000 * cache.timeout_s:.0f} ms at most: it is never asked in time.",
            "Bring it nearer, or raise cache.timeout_s; computing one short text takes about a "
            "millisecond.",
            **details,
        )
    return fine(NAME, f"the server at {shown} answers in {1000 * seconds:.1f} ms.", **details)


def _time(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", url)
