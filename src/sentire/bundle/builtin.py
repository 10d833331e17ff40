"""Find the bundle that a name or a path means."""

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
    packaged = {folder.name: folder for folder in _MODELS.iterdir() if folder.is_dir()}
    if name not in packaged:
        raise BundleNotFound(
            model, f"is no folder, and no packaged model. Packaged: {', '.join(sorted(packaged))}."
        )
    found = read_manifest(packaged[name])[1].version
    if version and version != found:
        raise BundleNotFound(model, f"is not packaged; the packaged version is {name}@{found}.")
    return packaged[name]
