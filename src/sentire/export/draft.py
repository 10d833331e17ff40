"""A bundle before anything is measured.

Reads:   what is known of a model, and a folder with its files
Gives:   a draft manifest; an analyzer over a draft, without the golden test
Never:   claims a figure
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from sentire.backends.openvino import OpenVinoBackend
from sentire.bundle.manifest import Embedding, Golden, Head, Manifest, Name, Training, Version
from sentire.bundle.selftest import GOLDEN_TOLERANCE
from sentire.bundle.store import MODEL_NAME, write_bundle
from sentire.errors import OptionError
from sentire.export.probes import golden_texts
from sentire.export.temperature import UNSURE_DEFAULT
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler
from sentire.labels import EMBEDDING, OUTPUTS
from sentire.text.path import TextSettings
from sentire.threads import available_threads

CONFIG_NAME = "config.json"


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle says it is."""

    name: str
    version: str = "1.0.0"
    description: str
    licence: str


def draft(
    identity: Identity,
    text: TextSettings,
    heads: Mapping[str, Sequence[str]],
    *,
    embedding: int | None = None,
    training: Sequence[Training] = (),
) -> Manifest:
    """A manifest with everything that is known before anything is measured.

    Parameters
    ----------
    identity : Identity
        Name, version, licence and description.
    text : TextSettings
        How texts are read.
    heads : head -> its labels, in the order of the output's columns
    embedding : dimensions of the output ``embedding``, where the graph has it
    training : sequence of Training
        What the network learned from.

    Raises
    ------
    OptionError
        The name or the version is none that a bundle may have.
    """
    check_name(identity.name, identity.version)
    vectors = None if embedding is None else Embedding(output=EMBEDDING, dimensions=embedding)
    return Manifest(
        format=1,
        name=identity.name,
        version=identity.version,
        description=identity.description,
        licence=identity.licence,
        languages=text.languages,
        text=text,
        fingerprint="",
        heads={
            name: Head(
                output=OUTPUTS[name],
                labels=tuple(labels),
                temperature={"*": 1.0},
                low_confidence=UNSURE_DEFAULT,
            )
            for name, labels in heads.items()
        },
        embedding=vectors,
        golden=tuple(Golden(text=t, probabilities={}) for t in golden_texts(text.languages)),
        golden_tolerance=GOLDEN_TOLERANCE,
        files={},
        training=tuple(training),
    )


def open_draft(folder: Path, manifest: Manifest) -> Analyzer:
    """Write a draft's manifest and open it with the engine that serves; no answer is checked."""
    bundle = write_bundle(folder, manifest)
    backend = OpenVinoBackend(bundle.path / MODEL_NAME, threads=available_threads())
    return Analyzer(bundle, Scheduler(backend, pad_id=bundle.text_path.pad_id), engine="openvino")


def uncalibrated(manifest: Manifest) -> Manifest:
    """The same with every temperature 1."""
    heads = {
        name: msgspec.structs.replace(head, temperature={"*": 1.0})
        for name, head in manifest.heads.items()
    }
    return msgspec.structs.replace(manifest, heads=heads)


def check_name(name: str, version: str) -> None:
    """Refuse what the manifest's schema would refuse at the end.

    Raises
    ------
    OptionError
    """
    for what, value, kind, allowed in (
        ("name", name, Name, "at most 64 of a-z, 0-9, dot, dash and underscore"),
        ("version", version, Version, "three numbers with dots between, such as 1.0.0"),
    ):
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            raise OptionError(f"{value!r} can't be the {what} of a bundle: use {allowed}") from None


def bundle_name(source: str) -> str:
    """A name for a bundle, from that of a folder or of a checkpoint on the Hub.

    Examples
    --------
    >>> bundle_name("Owner/My Model_v2")
    'my-model_v2'
    """
    last = source.rstrip("/").rpartition("/")[2].lower()
    return re.sub(r"[^a-z0-9._-]+", "-", last).strip("-._")[:64] or "imported"
