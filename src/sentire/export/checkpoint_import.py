"""Make a bundle of a stranger's checkpoint.

Reads:   a sequence-classification checkpoint, and what somebody said of its labels
Gives:   a folder with its ONNX graph under the label contract, then a bundle
Never:   adopts labels that the probes contradict, or a graph that computes something else
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch

from sentire.arrays import Probabilities, TokenIds
from sentire.bundle.store import MODEL_NAME, TOKENIZER_NAME
from sentire.errors import OptionError, OutputError, SourceError
from sentire.evaluation.datasets import Dataset
from sentire.export.assemble import Assembled, AssemblyOptions, assemble, check_data
from sentire.export.checkpoint import Checkpoint, default_length, open_checkpoint
from sentire.export.draft import CONFIG_NAME, Identity, bundle_name, draft
from sentire.export.label_adapter import LabelAdapter
from sentire.export.label_map import LabelMap, map_labels
from sentire.export.onnx import export_onnx
from sentire.export.output import check_output
from sentire.export.parity import Parity, check_parity
from sentire.export.probes import PROBE_LANGUAGES, calibration_texts
from sentire.export.proof import ProbeResult, check_meaning, probe
from sentire.io.failures import unwritable
from sentire.progress import StageProgress
from sentire.text.normalize import NormalizationSettings
from sentire.text.path import TextPath, TextSettings
from sentire.types import Document

_AS_IT_IS = NormalizationSettings(placeholders=False, max_repeat=0)
"""A stranger has learned from texts as they are: addresses, names and runs of marks stay."""
_SHORTEST = 16


class CheckpointOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a checkpoint is to be adopted; None leaves it to the checkpoint."""

    labels: Mapping[str, str] = {}
    """Name of a label -> what it means."""
    languages: Sequence[str] | None = None
    max_length: int | None = None
    name: str | None = None
    version: str = "1.0.0"
    licence: str | None = None
    assembly: AssemblyOptions = AssemblyOptions()


class ImportedCheckpoint(NamedTuple):
    """A bundle, and the proofs on the way to it."""

    assembled: Assembled
    labels: LabelMap
    probed: list[ProbeResult]
    parity: list[Parity]


def import_checkpoint(
    source: str,
    output: Path,
    options: CheckpointOptions,
    *,
    dev: Sequence[Dataset] = (),
    calibration: Sequence[str] = (),
    progress: StageProgress = lambda _stage, _done, _total: None,
) -> ImportedCheckpoint:
    """Read, map, prove, export, compare, then assemble.

    Parameters
    ----------
    source : folder or Hub name of the checkpoint
    output : Path
        Folder of the new bundle.
    options : CheckpointOptions
        What its labels mean, and what the bundle is called.
    dev, calibration, progress : as :func:`~sentire.export.assemble.assemble` takes them

    Raises
    ------
    LabelsUnproven
        What the labels mean is not clear, or the probes contradict it.
    SourceError, OptionError
        The checkpoint or an option can't be used.
    BackendError
        The exported graph differs from the network.
    BundleError, OutputError
        As :func:`~sentire.export.assemble.assemble` says.
    """
    check_output(output, force=options.assembly.force)
    progress("reading the checkpoint", 0, 0)
    checkpoint = open_checkpoint(source)
    labels = map_labels(checkpoint.names, options.labels)
    text = _text_settings(checkpoint, options)
    path = TextPath(checkpoint.tokenizer_json, text)
    _check_tokens(checkpoint, path)
    progress("proving the labels", 0, 0)
    probed = probe(lambda texts: _probabilities(checkpoint, path, texts), text.languages)
    check_meaning(labels, probed)
    manifest = draft(
        _identity(checkpoint, labels, options), text, {"polarity": list(labels.columns)}
    )
    check_data(manifest, dev)
    progress("exporting", 0, 0)
    network = LabelAdapter(checkpoint.model, labels.columns)
    with _scratch() as folder:
        export_onnx(network, folder / MODEL_NAME, max_length=checkpoint.longest)
        _write_beside(folder, checkpoint, labels, text)
        progress("comparing with PyTorch", 0, 0)
        parity = check_parity(
            network, folder / MODEL_NAME, _parity_rows(path, text), pad_id=path.pad_id
        )
        assembled = assemble(
            folder,
            manifest,
            output,
            dev=dev,
            calibration=calibration,
            options=options.assembly,
            progress=progress,
        )
    return ImportedCheckpoint(assembled, labels, probed, parity)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for the FP32 graph, which is gone afterwards."""
    try:
        with tempfile.TemporaryDirectory(prefix="sentire-") as folder:
            yield Path(folder)
    except OSError as error:
        raise OutputError(unwritable(tempfile.gettempdir(), error)) from error


def _text_settings(checkpoint: Checkpoint, options: CheckpointOptions) -> TextSettings:
    languages = tuple(options.languages or ()) or tuple(
        code for code in PROBE_LANGUAGES if code in checkpoint.languages
    )
    unknown = [code for code in languages if code not in PROBE_LANGUAGES]
    if unknown:
        raise OptionError(
            f"--languages {','.join(languages)}: labels can be proved in "
            f"{' and '.join(PROBE_LANGUAGES)} only."
        )
    length = default_length(checkpoint) if options.max_length is None else options.max_length
    if not _SHORTEST <= length <= checkpoint.longest:
        raise OptionError(
            f"--max-length {length}: this checkpoint reads {_SHORTEST} to {checkpoint.longest} "
            "tokens at once."
        )
    return TextSettings(
        normalization=_AS_IT_IS,
        max_length=length,
        overlap=length // 4,
        languages=languages or PROBE_LANGUAGES,
    )


def _check_tokens(checkpoint: Checkpoint, path: TextPath) -> None:
    """Refuse a tokenizer that our text path reads otherwise than its makers do."""
    texts = calibration_texts(path.settings.languages)[:40]
    for text, document in zip(texts, path.prepare(texts), strict=True):
        own = list(checkpoint.tokenizer(text)["input_ids"])
        if isinstance(document, Document) and len(document.windows) == 1:
            ours = document.windows[0].ids.tolist()
            if ours != own:
                raise SourceError(
                    f"{checkpoint.source}: its tokenizer reads {text!r} as {own}, its file "
                    f"tokenizer.json as {ours}. Save the tokenizer anew with transformers."
                )


def _probabilities(checkpoint: Checkpoint, path: TextPath, texts: Sequence[str]) -> Probabilities:
    """Probabilities of the checkpoint's own labels, by PyTorch."""
    rows = []
    for document in path.prepare(texts, on_long="truncate"):
        if isinstance(document, Document):
            ids = torch.from_numpy(document.windows[0].ids.astype(np.int64))[None]
            with torch.no_grad():
                logits = checkpoint.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            rows.append(torch.softmax(logits.double(), dim=1)[0].numpy())
    return np.array(rows)


def _parity_rows(path: TextPath, text: TextSettings) -> list[TokenIds]:
    """Rows of several lengths, one of them as long as the model reads."""
    texts = calibration_texts(text.languages)
    texts = [*texts[::3], " ".join(texts)]
    documents = path.prepare(texts, on_long="truncate")
    return [d.windows[0].ids for d in documents if isinstance(d, Document)]


def _write_beside(
    folder: Path, checkpoint: Checkpoint, labels: LabelMap, text: TextSettings
) -> None:
    """The files by which ``transformers`` and ``optimum`` know the model, under our labels."""
    names = dict(enumerate(labels.columns))
    config = {k: v for k, v in checkpoint.config.items() if k != "_name_or_path"} | {
        "id2label": names,
        "label2id": {label: at for at, label in names.items()},
    }
    checkpoint.tokenizer.model_max_length = text.max_length
    checkpoint.tokenizer.save_pretrained(folder)
    (folder / TOKENIZER_NAME).write_text(checkpoint.tokenizer_json, encoding="utf-8")
    (folder / CONFIG_NAME).write_text(
        json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _identity(checkpoint: Checkpoint, labels: LabelMap, options: CheckpointOptions) -> Identity:
    source = Path(checkpoint.source).name if Path(checkpoint.source).exists() else checkpoint.source
    kinds = checkpoint.config.get("architectures") or ["a classifier"]
    two = "" if "neutral" in labels.columns else " It knows no neutral: that is always 0."
    return Identity(
        name=options.name or bundle_name(source),
        version=options.version,
        description=f"Imported from {source} ({kinds[0]}). Its labels: {labels}.{two}",
        licence=options.licence or checkpoint.licence,
    )
