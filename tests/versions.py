"""What tests of models and their versions ask again and again."""

import asyncio
from pathlib import Path

import sentire
from sentire.bundle.store import read_bundle
from sentire.serving.models import Models
from sentire.types import PredictOptions


def point(alias: Path, bundle: Path) -> None:
    """Let an alias file name another bundle."""
    alias.write_text(f"{bundle}\n")


def open_models(*sources: object) -> Models:
    """Open models as the server does."""
    return Models([str(source) for source in sources], open_model=sentire.load)


def follow(models: Models) -> None:
    """Let the models see their sources twice, as a watcher does in two intervals."""
    models.follow()
    models.follow()


def digest_of(bundle: Path) -> str:
    """What tells a bundle from every other."""
    return read_bundle(bundle).info.digest


def ask(models: Models, *names: str) -> str:
    """Version that answers under these names."""
    [answer] = asyncio.run(models.get(*names).predict(["I love this"], PredictOptions()))
    return answer.model.version


def states(models: Models) -> list[tuple[str, str, str]]:
    """Every version and how it fares."""
    return [(state.name, state.version, state.state) for state in models.listed()]
