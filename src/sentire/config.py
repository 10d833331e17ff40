"""Settings of the servers: what can be set, within which bounds, and where a value came from.

Reads:   a TOML file and the variables of an environment that begin with ``SENTIRE_``
Gives:   one frozen :class:`Settings`
Never:   looks at the process's own environment; the caller hands it over
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sentire.errors import OptionError
from sentire.types import Engine

PREFIX = "SENTIRE_"
_ELSEWHERE = {"SENTIRE_DEBUG"}
"""Variables that are read in other places and are no settings of a server."""

# Kubernetes puts the addresses of every service into the environment of every container: one that
# is called "sentire" or "sentire-server" brings SENTIRE_PORT=tcp://10.0.0.7:8080 and the like.
_KUBERNETES = re.compile(
    r"_SERVICE_(?:HOST|PORT)(?:_\w+)?=|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?=|_PORT=\w+://"
)


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens, and how it ends."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """Address or name. The default is reachable from this machine only."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    """TCP port; 0 takes a free one."""
    access_log: bool = True
    """Write one line a request to stderr: method, path, status, time. Never the query or a text."""
    shutdown_s: Annotated[int, Meta(ge=0, le=600)] = 10
    """Seconds that running requests get to finish once the server was told to stop."""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one request may ask for. Larger limits let one caller take more of the machine."""

    body_bytes: Annotated[int, Meta(ge=1)] = 8 * 1024 * 1024
    """Bytes of a request body."""
    texts: Annotated[int, Meta(ge=1)] = 1000
    """Texts in one request."""
    text_characters: Annotated[int, Meta(ge=1)] = 100_000
    """Code points of one text."""
    queue: Annotated[int, Meta(ge=1)] = 4096
    """Pieces of text that may wait for the model, over all requests; more are refused at once.
    A short text is one piece."""
    request_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """Seconds a body may take to arrive, and again seconds its answer may take."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a server can be told."""

    model: Annotated[str, Meta(min_length=1)] | None = None
    """A packaged model's name, ``name@version``, or a bundle's folder; None is the default one."""
    engine: Engine = "openvino"
    """What runs the model. The others need an extra: ``onnxruntime``, or ``gpu`` for CUDA and
    TensorRT."""
    threads: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """Threads of the inference engine; None takes what the container's quota allows."""
    server: Server = Server()
    limits: Limits = Limits()


def load_settings(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read settings; a variable wins over the file, the file over the defaults.

    ``[limits] texts = 500`` in the file and ``SENTIRE_LIMITS_TEXTS=500`` in the environment set
    the same field. A misspelt name is an error, not a setting that silently does nothing.

    Parameters
    ----------
    file : Path or None
        A TOML file.
    environ : mapping
        Usually ``os.environ``. Names without the prefix ``SENTIRE_`` are not looked at; an empty
        value counts as not set.

    Raises
    ------
    OptionError
        The file can't be read, a name is unknown, or a value is not allowed.

    Examples
    --------
    >>> load_settings(None, {"SENTIRE_SERVER_PORT": "9000"}).server.port
    9000
    """
    keys = dict(_leaves(Settings))
    values = _from_file(file, keys) if file is not None else {}
    values |= _from_environ(environ, keys)
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *tables, name = key.split(".")
        table = tree
        for part in tables:
            table = table.setdefault(part, {})
        table[name] = value
    return msgspec.convert(tree, Settings)


def _leaves(kind: type[Struct], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every settable key, dotted, and its type."""
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from _leaves(field.type, f"{above}{field.name}.")
        else:
            yield above + field.name, field.type


def _from_file(file: Path, keys: Mapping[str, Any]) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
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
                f"settings file {file} has the unknown setting {key!r}. "
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
                f"the environment has the unknown variable {name}. Allowed are {', '.join(names)}."
            )
        values[key] = _checked(f"variable {name}", text, keys[key], strict=False)
    return values


def variable_name(key: str) -> str:
    """Name of the environment variable for a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


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
    return "a text that is not empty"
