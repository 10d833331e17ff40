"""Find the bundle that a name or a path means."""

import difflib
import shlex
from pathlib import Path

from sentire.bundle.store import read_manifest
from sentire.errors import BundleNotFound

DEFAULT_MODEL = "zh-en"
_MODELS = Path(__file__).parent.parent / "models"


def find_bundle(model: str | Path | None = None) -> Path:
    """Folder of a bundle.

    Parameters
    ----------
    model : name of a model inside the package, ``name@version``, or a path; None is ``zh-en``

    Raises
    ------
    BundleNotFound
        It is neither, and the message lists the names there are; or the path can't be read.
    """
    if model is None:
        return _MODELS / DEFAULT_MODEL
    path = Path(model)
    try:
        is_there = path.exists()
    except OSError as error:  # the name is too long, or a folder on the way may not be entered
        raise BundleNotFound(model, f"can't be read: {error.strerror}") from None
    if is_there or isinstance(model, Path):
        return path
    name, _, version = model.partition("@")
    known = packaged()
    if name not in known:
        raise BundleNotFound(model, f"is no folder here, and no packaged model. {_hint(model)}")
    found = read_manifest(known[name])[1].version
    if version and version != found:
        raise BundleNotFound(
            model,
            f"is not packaged; the packaged version is {name}@{found}. Leave the version away, or "
            f"name a registry's: REGISTRY/{model}.",
        )
    return known[name]


def packaged() -> dict[str, Path]:
    """Folders of the bundles inside the package, by name."""
    return {folder.name: folder for folder in sorted(_MODELS.iterdir()) if folder.is_dir()}


def is_packaged(path: Path) -> bool:
    """Whether a folder is that of a bundle inside the package."""
    return path.resolve().parent == _MODELS.resolve()


def _hint(model: str) -> str:
    """Say what exists, and what else somebody may have meant by a word."""
    names = f"Packaged: {', '.join(packaged())}."
    word = shlex.quote(model)
    if "://" in model or "@" in model:
        return f"{names} Pull what lies in a registry or on the Hub: sentire models pull {word}."
    near = difflib.get_close_matches(model, packaged(), n=1)
    if near:
        return f"{names} Did you mean {near[0]}?"
    return f"{names} Make a bundle of a checkpoint first: sentire import {word} -o BUNDLE."
