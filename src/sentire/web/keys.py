"""Who may ask: keys whose hashes lie in a file, and how much each may ask for.

A line of the file is ``NAME:sha256:HEX``, and behind it, with blanks between, ``rate=N`` (texts a
second) and ``admin`` (may load and unload models). Lines may share a name, so that a new key works
beside the old one until that is removed. Keys are 256 random bits, so one SHA-256 is enough: there
is nothing to guess.

Reads:   the file, again when it changes
Gives:   the caller that a key stands for
Never:   holds or writes a key, except the one that :func:`new_key` has just made
"""

import hashlib
import hmac
import logging
import math
import re
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from sentire.errors import OptionError
from sentire.web.settings import KeySettings

_LOG = logging.getLogger("sentire.keys")

_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]{0,63}):sha256:(?P<digest>[0-9a-f]{64})(?P<words>(?:\s+\S+)*)"
)
_PREFIX = "sentire_"
"""Lets scanners of repositories see that a key was published."""
BURST_S = 10.0
"""Seconds of unused allowance that a caller may spend at once."""


class Key(NamedTuple):
    """A line of the file."""

    name: str
    digest: bytes
    rate: float | None
    """Texts a second; None takes the setting's."""
    admin: bool

    def line(self) -> str:
        """As it stands in the file."""
        words = [f"{self.name}:sha256:{self.digest.hex()}"]
        words += [f"rate={self.rate:g}"] if self.rate is not None else []
        words += ["admin"] if self.admin else []
        return " ".join(words) + "\n"


class Bucket:
    """Allowance that fills with time: ``rate`` a second, up to :data:`BURST_S` seconds of it.

    A request is let in while something is left, and may take more than that: what it took too much
    is waited for by the next ones. So a limit holds over time, and no request is too large for it.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._left = self._most = max(1.0, rate * BURST_S)
        self._filled = now

    def wait_s(self, now: float) -> float:
        """Seconds until something is left; 0 where it is."""
        self._left = min(self._most, self._left + (now - self._filled) * self.rate)
        self._filled = now
        return 0.0 if self._left > 0 else (1e-9 - self._left) / self.rate

    def take(self, n: int) -> None:
        """Take allowance."""
        self._left -= n


class Caller:
    """Whoever holds a key of one name.

    Attributes
    ----------
    name : str
    admin : bool
    """

    def __init__(self, key: Key, bucket: Bucket | None) -> None:
        self.name, self.admin = key.name, key.admin
        self._bucket = bucket

    def wait_s(self) -> float:
        """Seconds until the caller may ask again; 0 where it may now."""
        return self._bucket.wait_s(time.monotonic()) if self._bucket else 0.0

    def charge(self, n_texts: int) -> None:
        """Count what a request asks for."""
        if self._bucket:
            self._bucket.take(n_texts)


class Keys:
    """The keys of a server.

    Parameters
    ----------
    file : Path
    rate : float, optional
        Texts a second for keys whose line names none; None does not limit them.

    Raises
    ------
    OptionError
        The file can't be read, has a line that is no key, or no key at all.
    """

    def __init__(self, file: Path, *, rate: float | None = None) -> None:
        self._file, self._rate = file, rate
        self._buckets: dict[str, Bucket] = {}
        self._seen = _signature(file)
        self._callers = self._callers_of(read_keys(file))

    def find(self, presented: str) -> Caller | None:
        """Find the caller that a key stands for; None where it is unknown.

        Takes as long for every key, so that the time tells nothing.
        """
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found

    def follow(self) -> None:
        """Take the file's keys where it changed; one that is no list of keys changes nothing."""
        seen = _signature(self._file)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            keys = read_keys(self._file)
        except OptionError as error:
            _LOG.error("the keys stay as they are: %s", error)
            return
        self._callers = self._callers_of(keys)
        _LOG.info("%s has %d keys now", self._file, len(keys))

    def _callers_of(self, keys: list[Key]) -> list[tuple[bytes, Caller]]:
        """Callers by digest; keys of one name share a bucket, which outlives the file's change."""
        found = []
        for key in keys:
            rate = self._rate if key.rate is None else key.rate
            bucket = None
            if rate is not None:
                bucket = self._buckets.get(key.name)
                if bucket is None or bucket.rate != rate:
                    bucket = self._buckets[key.name] = Bucket(rate, time.monotonic())
            found.append((key.digest, Caller(key, bucket)))
        return found


def read_keys(file: Path) -> list[Key]:
    """Read a file of keys. Empty lines and those that begin with ``#`` are passed over.

    Raises
    ------
    OptionError
        It can't be read, has a line that is no key, or no key at all.
    """
    found = [
        _parse(line.strip(), file, number)
        for number, line in enumerate(read_key_text(file).splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not found:
        raise OptionError(f"key file {file} has no key. Make one: sentire keys {file} --add NAME")
    return found


def read_key_text(file: Path) -> str:
    """Read a file of keys as it stands.

    Parameters
    ----------
    file : Path
        In UTF-8; the mark that some editors put before it is passed over.

    Raises
    ------
    OptionError
        It can't be read, or is in another encoding.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise OptionError(f"key file {file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise OptionError(
            f"key file {file} is not in UTF-8. Save it as UTF-8 in an editor, or begin a new one."
        ) from None


def new_key(name: str, *, rate: float | None = None, admin: bool = False) -> tuple[str, Key]:
    """Make a key.

    Parameters
    ----------
    name : str
        Of its holder: letters, digits and ``._-``.
    rate : float, optional
        Texts a second that the holder may ask for, above 0; None leaves it to the server.
    admin : bool
        Whether the key may load and unload models.

    Returns
    -------
    The key itself, which is kept nowhere, and its line for the file.

    Raises
    ------
    OptionError
        ``name`` or ``rate`` is not allowed.
    """
    presented = _PREFIX + secrets.token_urlsafe(32)
    key = Key(name, hashlib.sha256(presented.encode()).digest(), rate, admin)
    return presented, _parse(key.line().removesuffix("\n"), Path("keys"), 1)


def _parse(line: str, file: Path, number: int) -> Key:
    match = _LINE.fullmatch(line)
    rate, admin = None, False
    words = match["words"].split() if match else [""]
    for word in words:
        if word == "admin":
            admin = True
        elif word.startswith("rate=") and _is_rate(word[5:]):
            rate = float(word[5:])
        else:
            # The line itself is not shown: somebody may have put a key there.
            raise OptionError(
                f"line {number} of {file} is no key. Allowed is NAME:sha256:HEX, and behind it "
                "rate=N (texts a second, above 0) and admin. A name has letters, digits and ._-"
            )
    assert match is not None  # noqa: S101 - no match gives a word that is not allowed
    return Key(match["name"], bytes.fromhex(match["digest"]), rate, admin)


def _is_rate(written: str) -> bool:
    try:
        return 0 < float(written) < math.inf
    except ValueError:
        return False


def _signature(file: Path) -> tuple[int, int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def open_keys(settings: KeySettings) -> Keys | None:
    """Read the file of keys; None where the settings name none.

    Parameters
    ----------
    settings : KeySettings

    Raises
    ------
    OptionError
        It is no file of keys.
    """
    return None if settings.file is None else Keys(Path(settings.file), rate=settings.rate)
