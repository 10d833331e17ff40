"""What a registry keeps of an alias, and the order of versions.

Reads:   bytes of a record
Gives:   checked records
Never:   touches a registry
"""

import getpass
import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import uuid4

import msgspec
from msgspec import Meta

from sentire.bundle.manifest import NAME_PATTERN, Version
from sentire.errors import OptionError

ALIAS_PATTERN = "[a-z][a-z0-9._-]{0,63}"
VERSION_PATTERN = r"[0-9]+\.[0-9]+\.[0-9]+(?:[.+-][0-9A-Za-z.-]{1,64})?"
"""What a manifest allows, of a length that a file's name takes."""
DIGEST_PATTERN = "sha256:[0-9a-f]{64}"
_NOTE = 1000
"""Characters of a reason or a name that are kept."""

AliasName = Annotated[str, Meta(pattern=f"^{ALIAS_PATTERN}$")]
Digest = Annotated[str, Meta(pattern=f"^{DIGEST_PATTERN}$")]
Note = Annotated[str, Meta(max_length=_NOTE)]


class AliasRevision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of an alias from a version to another; its revisions in order are its history."""

    number: Annotated[int, Meta(ge=1, lt=10**9)]
    """1 for the first; no two revisions of an alias share one, save in an OCI registry."""
    alias: AliasName
    before: Version | None = msgspec.field(name="from", default=None)
    """None where the alias is new."""
    to: Version
    digest: Digest
    """Of the version's ``bundle.json``."""
    who: Note
    when: Annotated[datetime, Meta(tz=True)]
    why: Note = ""
    undo: bool = False
    """Whether ``sentire models rollback`` made it."""
    id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    """Tells a revision from another one that says the same."""

    @classmethod
    def next(
        cls,
        last: "AliasRevision | None",
        *,
        alias: str,
        to: str,
        digest: str,
        why: str,
        undo: bool = False,
    ) -> Self:
        """Make the revision that follows ``last``, by this user and now.

        Parameters
        ----------
        last : AliasRevision or None
            None where the alias is new.
        alias : str
        to : str
            The version that it shall point at.
        digest : str
            Of that version's ``bundle.json``.
        why : str
            The reason; cut after 1,000 characters.
        undo : bool
            Whether this is a rollback.
        """
        return cls(
            number=1 if last is None else last.number + 1,
            alias=alias,
            before=None if last is None else last.to,
            to=to,
            digest=digest,
            who=this_user()[:_NOTE],
            when=datetime.now(UTC).replace(microsecond=0),
            why=why[:_NOTE],
            undo=undo,
            id=uuid4().hex,
        )


REVISION_DECODER = msgspec.json.Decoder(AliasRevision)


def this_user() -> str:
    """Name the user and the machine; a number stands for a user without a name."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's arbitrary user
        name = "unknown"
    return f"{name}@{socket.gethostname()}"


def check_alias(alias: str) -> str:
    """Give ``alias`` back.

    Raises
    ------
    OptionError
        It is no name for an alias.
    """
    if not re.fullmatch(ALIAS_PATTERN, alias):
        raise OptionError(
            f"{alias!r} is no name for an alias. It begins with a letter of a-z, and goes on with "
            "a-z, 0-9, dot, dash or underscore; at most 64 characters."
        )
    return alias


def is_name(word: str) -> bool:
    """Whether a model may be called so."""
    return re.fullmatch(NAME_PATTERN, word) is not None


def is_version(word: str) -> bool:
    """Whether a version may be called so."""
    return re.fullmatch(VERSION_PATTERN, word) is not None


def in_order(versions: Sequence[str]) -> list[str]:
    """Sort versions from old to new; ``2.0.0-rc1`` comes before ``2.0.0``.

    Examples
    --------
    >>> in_order(["1.10.0", "1.9.0", "2.0.0", "2.0.0-rc1"])
    ['1.9.0', '1.10.0', '2.0.0-rc1', '2.0.0']
    """

    def key(version: str) -> tuple[list[int], bool, list[tuple[int, str]]]:
        match = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
        numbers = [int(part) for part in match.groups()] if match else []
        rest = version[match.end() :] if match else version
        parts = [(int(p) if p.isdigit() else 0, p) for p in re.split(r"(\d+)", rest)]
        return numbers, not rest.startswith("-"), parts

    return sorted(versions, key=key)
