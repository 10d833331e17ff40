"""From trained weights to a bundle: what training and distillation end with.

Reads:   a trained network, development sets, texts to calibrate with
Gives:   a bundle
Never:   leaves half a bundle: ``export`` moves it into place when it is whole
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from sentire.bundle.manifest import Name, Version
from sentire.errors import OptionError
from sentire.evaluation.datasets import Dataset
from sentire.export.assemble import Assembled, AssemblyOptions, assemble
from sentire.export.draft import Identity, draft
from sentire.export.onnx import export_onnx
from sentire.labels import LABELS, POLARITY
from sentire.progress import StageProgress
from sentire.text.tokenize import TextTokenizer
from sentire.training.trained import Trained

_CALIBRATION = 300
"""Texts that ranges of activations are taken from."""


class BundleOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle is called."""

    name: str
    version: str = "0.1.0"
    description: str
    """What the model card says first."""
    licence: str = "unstated"

    def check(self) -> None:
        """Refuse names that no bundle may have.

        Raises
        ------
        OptionError
            The name or the version breaks the manifest's schema.
        """
        for option, value, kind in (
            ("--name", self.name, Name),
            ("--bundle-version", self.version, Version),
        ):
            try:
                msgspec.convert(value, kind)
            except msgspec.ValidationError:
                allowed = "like 1.0.0" if kind is Version else "of a-z, 0-9, dot, dash, underscore"
                raise OptionError(f"{option} {value}: it must be {allowed}") from None


def make_bundle(
    trained: Trained,
    output: Path,
    options: BundleOptions,
    *,
    force: bool,
    dev: Sequence[Dataset],
    texts: Sequence[str],
    progress: StageProgress,
) -> Assembled:
    """Export, quantize, calibrate, measure, write.

    Parameters
    ----------
    trained : Trained
    output : Path
        Folder of the new bundle.
    options : BundleOptions
    force : bool
        Replace a bundle that stands at the output.
    dev : sets that the figures and temperatures come from
    texts : like those that will be served; a sample of them is calibrated with
    progress : function
        Told the stage, how much of it is done, and of how much.

    Raises
    ------
    BundleError, OutputError
        See :func:`~sentire.export.assemble.assemble`.
    """
    record, encoder = trained.record, trained.encoder
    identity = Identity(
        name=options.name,
        version=options.version,
        description=options.description,
        licence=options.licence,
    )
    vectors = encoder.embedding
    manifest = draft(
        identity,
        record.text,
        {head: labels for head, labels in LABELS.items() if head in encoder.n_labels},
        embedding=None if vectors is None else vectors.linear.out_features,
        training=record.training,
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        progress("exporting", 0, 0)
        export_onnx(
            encoder, folder / "model.onnx", max_length=encoder.config.max_position_embeddings
        )
        _write_beside(folder, trained)
        return assemble(
            folder,
            manifest,
            output,
            dev=dev,
            calibration=_sample(texts),
            options=AssemblyOptions(force=force),
            progress=progress,
        )


def _sample(texts: Sequence[str]) -> list[str]:
    """Texts spread evenly over what was learned."""
    step = max(1, len(texts) // _CALIBRATION)
    return list(texts[::step][:_CALIBRATION])


def _write_beside(folder: Path, trained: Trained) -> None:
    """The files by which ``transformers`` and ``optimum`` know the model."""
    names = dict(enumerate(POLARITY))
    config = trained.encoder.config.to_dict()
    config.pop("_name_or_path", None)
    config |= {"id2label": names, "label2id": {label: at for at, label in names.items()}}
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": trained.record.text.max_length,
        **_special_tokens(trained.tokenizer_json),
    }
    (folder / "tokenizer.json").write_text(trained.tokenizer_json, encoding="utf-8")
    for name, content in (("config.json", config), ("tokenizer_config.json", tokenizer)):
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def _special_tokens(tokenizer_json: str) -> dict[str, str]:
    """Special tokens by the names that ``transformers`` gives them."""
    ours, theirs = TextTokenizer(tokenizer_json), Tokenizer.from_str(tokenizer_json)
    ids = {
        "cls_token": next(iter(ours.prefix), None),
        "bos_token": next(iter(ours.prefix), None),
        "sep_token": next(iter(ours.suffix), None),
        "eos_token": next(iter(ours.suffix), None),
        "pad_token": ours.pad_id,
        "unk_token": ours.unknown_id,
    }
    return {name: str(theirs.id_to_token(at)) for name, at in ids.items() if at is not None}
