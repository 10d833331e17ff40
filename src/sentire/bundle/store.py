"""Read, write and verify bundles on disk.

Reads:   a folder with ``bundle.json`` and the files it names
Gives:   a :class:`Bundle` of which every byte was checked
Never:   runs the model; ``inference/load.py`` does
"""

import hashlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from sentire.atomic import write_file
from sentire.bundle.card import model_card
from sentire.bundle.manifest import (
    MANIFEST_NAME,
    Manifest,
    decode_manifest,
    digest_of,
    encode_manifest,
)
from sentire.errors import BundleDamaged, BundleNotFound, FingerprintMismatch
from sentire.text.path import TextPath
from sentire.types import ModelInfo

TOKENIZER_NAME = "tokenizer.json"
MODEL_NAME = "model.onnx"
CARD_NAME = "README.md"
_REQUIRED = (TOKENIZER_NAME, CARD_NAME, "config.json")


class Bundle(NamedTuple):
    """A verified bundle."""

    path: Path
    manifest: Manifest
    info: ModelInfo
    text_path: TextPath


def read_bundle(path: Path) -> Bundle:
    """Read a bundle; check its schema, the digest of every file, and its text path.

    Raises
    ------
    BundleNotFound
        There is no ``bundle.json`` in ``path``.
    BundleDamaged
        The schema is broken, or a file is missing or altered.
    FingerprintMismatch
        The text path of this version of sentire differs from the one the model learned with.
    """
    manifest, info = read_manifest(path)
    _check_files(path, manifest)
    text_path = TextPath((path / TOKENIZER_NAME).read_text(encoding="utf-8"), manifest.text)
    if text_path.fingerprint != manifest.fingerprint:
        raise FingerprintMismatch(
            path,
            f"was made with text path {manifest.fingerprint[:19]}…, this sentire has "
            f"{text_path.fingerprint[:19]}…. Use the sentire that made it, or make it anew.",
        )
    return Bundle(path, manifest, info, text_path)


def read_manifest(path: Path) -> tuple[Manifest, ModelInfo]:
    """Read the manifest alone, unverified: for listing bundles without reading their weights.

    Raises
    ------
    BundleNotFound
        There is no ``bundle.json`` in ``path``.
    BundleDamaged
        It does not follow the schema.
    """
    if not path.exists():
        raise BundleNotFound(path, "there is no such folder")
    try:
        if not path.exists():
            raise BundleNotFound(path, "there is no such folder")
        data = (path / MANIFEST_NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if (path / "config.json").is_file():
            what = f"Make one of this checkpoint: sentire import {path} -o BUNDLE."
        else:
            what = "Name a bundle's folder."
        raise BundleNotFound(
            path, f"is no sentire bundle: it has no {MANIFEST_NAME}. {what}"
        ) from None
    except OSError as error:
        raise BundleNotFound(path, f"can't be read: {error.strerror}") from None
    try:
        manifest = decode_manifest(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleDamaged(path, f"{MANIFEST_NAME} is not valid: {error}") from None
    return manifest, ModelInfo(manifest.name, manifest.version, digest_of(data))


def write_bundle(path: Path, manifest: Manifest) -> Bundle:
    """Write the model card and ``bundle.json`` for the files that lie in ``path``.

    Parameters
    ----------
    path : Path
        Folder of the bundle.
    manifest : Manifest
        Its ``files`` and ``fingerprint`` are computed here.
    """
    tokenizer = (path / TOKENIZER_NAME).read_text(encoding="utf-8")
    fingerprint = TextPath(tokenizer, manifest.text).fingerprint
    manifest = msgspec.structs.replace(manifest, fingerprint=fingerprint)
    (path / CARD_NAME).write_text(model_card(manifest), encoding="utf-8")
    names = sorted(
        file.relative_to(path).as_posix()
        for file in path.rglob("*")
        if file.is_file() and file.name != MANIFEST_NAME
    )
    manifest = msgspec.structs.replace(
        manifest, files={name: file_sha256(path / name) for name in names}
    )
    write_file(path / MANIFEST_NAME, encode_manifest(manifest))
    return read_bundle(path)


def _check_files(path: Path, manifest: Manifest) -> None:
    required = [*_REQUIRED, MODEL_NAME] if manifest.backend == "onnx" else _REQUIRED
    for name in required:
        if name not in manifest.files:
            raise BundleDamaged(path, f"the manifest does not name {name}")
    for name, expected in manifest.files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise BundleDamaged(path, f"the manifest names {name!r}, outside the bundle")
        try:
            found = file_sha256(path / relative)
        except OSError as error:
            raise BundleDamaged(path, f"{name} can't be read: {error.strerror}") from None
        if found != expected:
            raise BundleDamaged(
                path,
                f"{name} was altered: its SHA-256 is {found[:12]}…, the manifest says "
                f"{expected[:12]}…. Get the bundle anew.",
            )


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
