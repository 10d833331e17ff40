"""Every byte of the models, the text path they were made with, and their golden sentences."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from sentire.bundle.builtin import is_packaged
from sentire.bundle.store import read_bundle
from sentire.doctor.findings import Finding, Machine, broken, fine, of_error, skipped
from sentire.doctor.models import folders
from sentire.doctor.trial import Trial, attempt
from sentire.errors import BundleNotFound, FingerprintMismatch, SentireError
from sentire.optional import install_command, source_folder
from sentire.units import format_bytes

NAME = "bundle"


def look(machine: Machine) -> Iterator[Finding]:
    """Verify each model, then load it as a server would."""
    if machine.settings.remote.urls:
        yield skipped(NAME, "model services hold the models.")
        return
    places = folders(machine)
    if not places:
        yield skipped(NAME, "all models come from a registry, see there.")
    for written, place in places.items():
        if not isinstance(place, Path):
            yield of_error(NAME, place, "See sentire models list, and the spelling of --model.")
            continue
        finding = verified(written, place)
        yield finding
        if finding.status == "fine":
            trial = attempt(place, machine.settings.engine, machine.settings.threads)
            yield tested(written, trial)


def verified(written: str, path: Path) -> Finding:
    """Check the manifest, the digest of every file, and the text path.

    Parameters
    ----------
    written : how the settings name the model
    path : folder of its bundle
    """
    try:
        bundle = read_bundle(path)
    except FingerprintMismatch as error:
        return of_error(
            NAME,
            error,
            "Its answers would differ from those it was judged by. Install the sentire that made "
            "it, or make it anew with this one: sentire import or sentire train.",
        )
    except BundleNotFound as error:
        return of_error(NAME, error, "Name the folder that holds bundle.json.")
    except SentireError as error:
        return of_error(NAME, error, _anew(path))
    n_bytes = sum((path / name).stat().st_size for name in bundle.manifest.files)
    return fine(
        NAME,
        f"{bundle.info.name} {bundle.info.version}: {len(bundle.manifest.files)} files, "
        f"{format_bytes(n_bytes)}, every byte as its manifest says; text path as in this sentire.",
        model=written,
        path=str(path),
        digest=bundle.info.digest,
        fingerprint=bundle.manifest.fingerprint,
        bytes=n_bytes,
    )


def tested(written: str, trial: Trial) -> Finding:
    """Tell how loading a model went."""
    if trial.rss is not None:
        return fine(
            NAME,
            f"{written}: golden sentences answered as promised by {trial.engine}; "
            f"loaded in {trial.seconds:.1f} s, {format_bytes(trial.rss)} of memory.",
            model=written,
            seconds=trial.seconds,
            memory=trial.rss,
        )
    if trial.kind == "SIGILL":
        fix = (
            "The processor lacks an instruction that the engine was compiled for; see cpu. Try "
            "--engine onnxruntime, or another machine."
        )
    elif trial.is_out_of_memory:
        fix = "There is too little memory; see memory."
    elif trial.lacks_thread:
        fix = "A thread could not start: see memory for a limit of addresses, limits for threads."
    elif trial.kind == "SelfTestFailed":
        fix = "Try --engine onnxruntime. Where that agrees with the bundle, report a bug."
    else:
        fix = f"Try --engine onnxruntime; it comes with {install_command('onnxruntime')}"
    return broken(
        NAME, f"{written} can't be loaded: {trial.error}", fix, model=written, error=trial.kind
    )


def _anew(path: Path) -> str:
    """Say how a bundle gets whole again."""
    if not is_packaged(path):
        return "Get the bundle anew, from where it was made: sentire models pull."
    clone = source_folder()
    if clone is None:
        return f"Install it again: {install_command('', '--force-reinstall')}"
    return f"Take it from the repository again: git -C {shlex.quote(str(clone))} restore {path}"
