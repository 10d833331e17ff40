"""Settings of what is served: the models, answers that are kept, services that hold the models."""

from typing import Annotated

from msgspec import Meta, Struct

from sentire.types import MAX_THREADS, Engine


class CacheSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class RemoteSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Model services that hold the models, so that ``sentire serve`` loads none."""

    urls: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    """Addresses of services with the same models, such as http://model:5000. A request goes to one
    that is healthy. Needs the extra `client`."""
    key: Annotated[str, Meta(min_length=1)] | None = None
    """The key that they ask for."""


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which models are served, and how."""

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
    threads: Annotated[int, Meta(ge=1, le=MAX_THREADS)] | None = None
    """Threads of the inference engine; None takes what the container's quota allows."""
    cache: CacheSettings = CacheSettings()
    remote: RemoteSettings = RemoteSettings()
