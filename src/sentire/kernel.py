"""Read the small files in which the kernel tells about itself."""

from pathlib import Path


def read_text(file: Path) -> str:
    """What a file holds; nothing where there is none, or it can't be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def children(folder: Path) -> list[Path]:
    """What is in a folder, sorted; nothing where there is none."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
