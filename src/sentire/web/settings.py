"""Settings of the HTTP kit: where it listens, what one request may ask for, who may ask."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Origin = Annotated[
    str,
    Meta(
        pattern=r"^(\*|https?://[^/\s,*]+)$",
        description="origins, such as https://shop.example or http://127.0.0.1:3000, or *",
    ),
]


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens, and how it ends."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """Address or name. The default is reachable from this machine only."""
    port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    """TCP port; 0 takes a free one; None is 8080, and 5000 for the model service alone."""
    access_log: bool = True
    """Write one line a request to stderr: method, route, status, time. Never the path or the query
    that was sent, or a text."""
    log: Literal["text", "json"] = "text"
    """Form of the log on stderr: lines for people, or one JSON object a line for programs."""
    open: bool = False
    """Listen on an address that other machines reach although there are no keys: whoever reaches it
    may use it."""
    cors_origins: tuple[Origin, ...] = ()
    """Origins of other sites whose pages may read answers, such as https://shop.example; * is every
    site. Without any, a browser shows answers to our own page only. Programs need none of it."""
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
    arriving_bytes: Annotated[int, Meta(ge=1)] | None = None
    """Bytes of all request bodies that have arrived in part, in each worker; more are refused with
    429. At least `body_bytes`; None is eight times that. Small bodies arrive whole and don't
    count."""
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


class KeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may ask."""

    file: Annotated[str, Meta(min_length=1)] | None = None
    """The file of keys, as `sentire keys` writes it. With it every request but those for health
    needs one. A changed file is taken while the server runs."""
    rate: Annotated[float, Meta(gt=0)] | None = None
    """Texts a second that the holder of a key may ask for, where its line does not say; up to ten
    seconds of it at once. None does not limit them."""
