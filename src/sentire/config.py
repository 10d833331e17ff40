"""Read settings: from a file, from an environment, within the bounds that their records state.

Reads:   a TOML file and the variables of an environment that begin with ``SENTIRE_``
Gives:   one frozen record
Never:   knows a setting: rooms own theirs; looks at the process's own environment
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from sentire.errors import OptionError

S = TypeVar("S", bound=Struct)

PREFIX = "SENTIRE_"
_ELSEWHERE = {"SENTIRE_DEBUG"}
"""Variables that are read in other places and are no settings of a server."""

# Kubernetes puts the addresses of every service into the environment of every container: one that
# is called "sentire" or "sentire-server" brings SENTIRE_PORT=tcp://10.0.0.7:8080 and the like.
_KUBERNETES = re.compile(
    r"_SERVICE_(?:HOST|PORT)(?:_\w+)?=|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?=|_PORT=\w+://"
)


def read_settings(kind: type[S], file: Path | None, environ: Mapping[str, str]) -> S:
    """Read settings; a variable wins over the file, the file over the defaults.

    ``[limits] texts = 500`` in the file and ``SENTIRE_LIMITS_TEXTS=500`` in the environment set
    the same field. A misspelt name is an error, not a setting that silently does nothing.

    Parameters
    ----------
    kind : subclass of Struct
        Its fields are settings, or structs of settings.
    file : Path or None
        A TOML file.
    environ : mapping
        Usually ``os.environ``. Names without the prefix ``SENTIRE_`` are not looked at; an empty
        value counts as not set.

    Raises
    ------
    OptionError
        The file can't be read, a name is unknown, or a value is not allowed.
    """
    keys = dict(_leaves(kind))
    values = _from_file(file, keys) if file is not None else {}
    values |= _from_environ(environ, keys)
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *tables, name = key.split(".")
        table = tree
        for part in tables:
            table = table.setdefault(part, {})
        table[name] = value
    return msgspec.convert(tree, kind)


def check_value(kind: type[Struct], key: str, value: object, *, name: str) -> Any:
    """Check a value that did not come from a file or the environment.

    Parameters
    ----------
    kind : subclass of Struct
        As for :func:`read_settings`.
    key : str
        Of the setting, dotted.
    value : object
    name : str
        What the value is called where it came from.

    Raises
    ------
    OptionError
        It is not allowed.
    """
    return _checked(name, value, dict(_leaves(kind))[key], strict=True)


def _leaves(kind: type[Struct], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every settable key, dotted, and its type."""
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from _leaves(field.type, f"{above}{field.name}.")
        else:
            yield above + field.name, field.type


def _from_file(file: Path, keys: Mapping[str, Any]) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise OptionError(f"settings file {file}: {error.strerror}.") from None
    except ValueError as error:  # UnicodeDecodeError or TOMLDecodeError
        raise OptionError(f"settings file {file} is not TOML in UTF-8: {error}.") from None
    tables = {key.rpartition(".")[0] for key in keys} - {""}
    flat: dict[str, Any] = {}
    for name, value in table.items():
        inner = value.items() if name in tables and isinstance(value, dict) else None
        flat |= {name: value} if inner is None else {f"{name}.{key}": v for key, v in inner}
    for key in flat:
        if key not in keys:
            raise OptionError(
                f"settings file {file} has the unknown setting {key!r}. {_near(key, keys)}"
                f"Allowed are {', '.join(keys)}."
            )
    return {
        key: _checked(f"{key} in settings file {file}", value, keys[key], strict=True)
        for key, value in flat.items()
    }


def _from_environ(environ: Mapping[str, str], keys: Mapping[str, Any]) -> dict[str, Any]:
    names = {variable_name(key): key for key in keys}
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name in _ELSEWHERE or text == "":
            continue
        if _KUBERNETES.search(f"{name}={text}"):
            continue
        key = names.get(name)
        if key is None:
            raise OptionError(
                f"the environment has the unknown variable {name}. {_near(name, names)}"
                f"Allowed are {', '.join(names)}."
            )
        value = _listed(text) if _is_list(keys[key]) else text
        values[key] = _checked(f"variable {name}", value, keys[key], strict=False)
    return values


def _near(name: str, names: Iterable[str]) -> str:
    """Ask whether the name most like an unknown one was meant."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]}? " if near else ""


def variable_name(key: str) -> str:
    """Name of the environment variable for a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


def _is_list(kind: Any) -> bool:
    return isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.VarTupleType)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _checked(name: str, value: object, kind: Any, *, strict: bool) -> Any:
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError:
        raise OptionError(f"{name} is {value!r}. Allowed is {_allowed(kind)}.") from None


def _allowed(kind: Any) -> str:
    """Say in words which values a field's type takes."""
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.UnionType):
        info = next(t for t in info.types if not isinstance(t, msgspec.inspect.NoneType))
    if isinstance(info, msgspec.inspect.LiteralType):
        return "one of " + ", ".join(map(str, info.values))
    if isinstance(info, msgspec.inspect.BoolType):
        return "true or false"
    if isinstance(info, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        noun = "a whole number" if isinstance(info, msgspec.inspect.IntType) else "a number"
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("at least", info.ge), ("above", info.gt), ("at most", info.le))
            if bound is not None
        ]
        return " ".join([noun, " and ".join(bounds)]).strip()
    if isinstance(info, msgspec.inspect.VarTupleType):
        what = "texts that are not empty"
        if isinstance(info.item_type, msgspec.inspect.Metadata):
            what = (info.item_type.extra_json_schema or {})["description"]
        return f"a list of {what}; in a variable with commas between them"
    return "a text that is not empty"
