"""Settings of the servers: what can be set, within which bounds, and where a value came from.

Reads:   a TOML file and the variables of an environment that begin with ``SENTIRE_``
Gives:   one frozen :class:`Settings`
Never:   looks at the process's own environment; the caller hands it over
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

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
    port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    """TCP port; 0 takes a free one; None is 8080, and 5000 for the model service alone."""
    access_log: bool = True
    """Write one line a request to stderr: method, path, status, time. Never the query or a text."""
    log: Literal["text", "json"] = "text"
    """Form of the log on stderr: lines for people, or one JSON object a line for programs."""
    open: bool = False
    """Listen on an address that other machines reach although there are no keys: whoever reaches it
    may use it."""
    shutdown_s: Annotated[int, Meta(ge=0, le=600)] = 10
    """Seconds that running requests get to finish once the server was told to stop."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes that serve the port together, each with its own copy of the models and its share
    of `threads`. With more than one, another process watches over them."""
    hang_s: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    """Seconds after which a worker that does not answer the one that watches is replaced."""
    tracing: bool = False
    """Send OpenTelemetry traces, to where the variables `OTEL_…` say. Needs the extra `otel`."""


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
    """Seconds a body may take to arrive, again seconds its answer may take, and again seconds an
    answer may wait to be read. A request may ask for less with `X-Request-Timeout`."""
    head_s: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    """Seconds the head of a request may take to arrive on an open connection."""


class Keys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may ask."""

    file: Annotated[str, Meta(min_length=1)] | None = None
    """The file of keys, as `sentire keys` writes it. With it every request but those for health
    needs one. A changed file is taken while the server runs."""
    rate: Annotated[float, Meta(gt=0)] | None = None
    """Texts a second that the holder of a key may ask for, where its line does not say; up to ten
    seconds of it at once. None does not limit them."""


class Cache(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers that were given before. What is kept is the answer without its text, under a hash."""

    bytes: Annotated[int, Meta(ge=0)] = 16 * 1024 * 1024
    """Memory for answers, about 700 bytes each; 0 keeps none."""
    url: Annotated[str, Meta(min_length=1)] | None = None
    """A Redis or Valkey server that several processes share, such as redis://127.0.0.1:6379/0.
    Needs the extra `redis`."""
    timeout_s: Annotated[float, Meta(gt=0, le=10)] = 0.05
    """Seconds an answer may wait for that server."""
    retry_s: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    """Seconds between two looks for that server once it did not answer; meanwhile nobody waits."""
    keep_s: Annotated[int, Meta(ge=1)] = 7 * 24 * 3600
    """Seconds that server keeps an answer."""


class Remote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Model services that hold the models, so that ``sentire serve`` loads none."""

    urls: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    """Addresses of services with the same models, such as http://model:5000. A request goes to one
    that is healthy. Needs the extra `client`."""
    key: Annotated[str, Meta(min_length=1)] | None = None
    """The key that they ask for."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a server can be told."""

    model: Annotated[str, Meta(min_length=1)] | None = None
    """A packaged model's name, ``name@version``, a bundle's folder, an alias file that holds the
    path of one, or ``REGISTRY/NAME@ALIAS``; ``NAME=`` before it serves it under that name. None is
    the default one."""
    models: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    """Further models beside it, written in the same way."""
    reload_s: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """Seconds between two looks at where the models come from. A new version is loaded, checked and
    exchanged while the old one serves; 0 never looks."""
    downloads: Annotated[str, Meta(min_length=1)] | None = None
    """Folder for models that are pulled from a registry; several servers may share it. None is
    ``sentire`` in the user's cache folder."""
    engine: Engine = "openvino"
    """What runs the model. The others need an extra: ``onnxruntime``, or ``gpu`` for CUDA and
    TensorRT."""
    threads: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """Threads of the inference engine; None takes what the container's quota allows."""
    server: Server = Server()
    limits: Limits = Limits()
    keys: Keys = Keys()
    cache: Cache = Cache()
    remote: Remote = Remote()


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
        return "a list of texts that are not empty; in a variable with commas between them"
    return "a text that is not empty"
