"""One run of learning, from sources to weights on disk.

Reads:   labelled sources, a backbone, a schedule
Gives:   a trained network in a folder
Never:   makes a bundle of it; ``export`` does
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch

from sentire.bundle.manifest import Training
from sentire.evaluation.datasets import Dataset, read_dataset
from sentire.labels import LABELS
from sentire.text.normalize import Normalizer
from sentire.text.path import TextSettings
from sentire.text.tokenize import TextTokenizer
from sentire.training.backbone import Backbone
from sentire.training.devscores import dev_scores, prepare_dev
from sentire.training.encoder import Encoder
from sentire.training.examples import Collator, Example, TensorBatch, encode
from sentire.training.finetune import Objective, StepReport, finetune
from sentire.training.losses import supervised
from sentire.training.mixture import SourceUsage, TrainingRow, TrainingSource, join, text_key
from sentire.training.record import TrainingRecord, merge
from sentire.training.schedule import Schedule
from sentire.training.topics import Topics, fit_topics, read_topics
from sentire.training.trained import Trained, new_encoder, save_trained
from sentire.training.vocabulary import PrunedVocabulary


class Data(NamedTuple):
    """What a run learns from and is judged by."""

    rows: list[TrainingRow]
    dev: list[Dataset]
    used: list[SourceUsage]
    training: tuple[Training, ...]
    """For the model card."""

    @property
    def heads(self) -> dict[str, int]:
        """Heads that some row says something about, and their numbers of labels."""
        found = {head for row in self.rows for head in row.targets}
        return {head: len(labels) for head, labels in LABELS.items() if head in found}


class RunCallbacks(NamedTuple):
    """How a run talks to who started it."""

    observe: Callable[[StepReport], None] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = lambda _: None


class TrainingRun(NamedTuple):
    """What every run needs."""

    data: Data
    text: TextSettings
    schedule: Schedule
    output: Path
    resume: bool = False
    watch: RunCallbacks = RunCallbacks()
    topic_rows: int = 60_000
    """Rows whose topics the embedding learns from; 0 makes a model without an embedding."""

    def topics(
        self, encoder: Encoder, examples: Sequence[Example], tokenizer: TextTokenizer
    ) -> Topics:
        """What an encoder that is not fine-tuned makes of a sample of the rows.

        Parameters
        ----------
        encoder : Encoder
            One that is not fine-tuned.
        examples : sequence of Example
        tokenizer : TextTokenizer
            With which the examples were encoded.
        """
        self.watch.say("reading topics with the backbone")
        collate = Collator(tokenizer, max_length=self.text.max_length, heads={})
        return read_topics(
            encoder, examples, collate, most=self.topic_rows, seed=self.schedule.seed
        )


def gather(
    sources: Sequence[TrainingSource],
    dev: Sequence[Dataset],
    *,
    unlabelled: Sequence[str] = (),
    seed: int,
) -> Data:
    """Read the sources; texts of the dev sets are left out.

    Parameters
    ----------
    sources : sequence of TrainingSource
    dev : sets whose texts are not learned
    unlabelled : further texts, for a student to imitate its teacher on
    seed : int
        Decides which rows a ``limit`` keeps.
    """
    held_out = {text_key(text) for data in dev for text in data.texts}
    parts = ((read_dataset(source), source) for source in sources)
    rows, used = join(parts, held_out=held_out, seed=seed)
    known = held_out | {text_key(row.text) for row in rows}
    fresh = {text_key(text): text for text in unlabelled if text.strip()}
    rows += [TrainingRow(text, {}, None) for key, text in fresh.items() if key not in known]
    training = tuple(
        Training(
            name=use.name,
            language=source.language,
            rows=use.n_rows,
            source=source.read_from or Path(source.file).name,
            licence=source.terms or "unstated",
        )
        for use, source in zip(used, sources, strict=True)
    )
    return Data(rows, list(dev), used, training)


def prune_vocabulary(
    backbone: Backbone, rows: Sequence[TrainingRow], text: TextSettings, *, size: int
) -> tuple[Backbone, PrunedVocabulary]:
    """Keep the pieces that the rows use most.

    Parameters
    ----------
    backbone : Backbone
    rows : sequence of TrainingRow
    text : TextSettings
        How texts are read.
    size : int
        Pieces to keep.
    """
    normalize = Normalizer(text.normalization)
    return backbone.prune([normalize(row.text).text for row in rows], size=size)


def train(job: TrainingRun, backbone: Backbone, *, name: str) -> Trained:
    """Fine-tune a backbone on the rows' own labels.

    Parameters
    ----------
    job : TrainingRun
        The rows, the settings and who watches.
    backbone : Backbone
        Where learning starts.
    name : of the backbone, for the record

    Raises
    ------
    TrainingFailed, OutputError, Interrupted
        See :func:`~sentire.training.finetune.finetune`.
    """
    model = new_encoder(backbone, job.data.heads, seed=job.schedule.seed)
    tokenizer = TextTokenizer(backbone.tokenizer_json)
    examples = encode(job.data.rows, tokenizer, job.text.normalization)
    topics = job.topics(model, examples, tokenizer) if job.topic_rows else None

    def objective(encoder: Encoder, batch: TensorBatch) -> torch.Tensor:
        return supervised(encoder(batch.input_ids, batch.attention_mask), batch.targets)

    learn(job, model, examples, backbone.tokenizer_json, objective, topics=topics)
    return save_run(job, model, backbone, name=name)


def learn(
    job: TrainingRun,
    model: Encoder,
    examples: Sequence[Example],
    tokenizer_json: str,
    objective: Objective,
    *,
    topics: Topics | None,
) -> None:
    """Run the loop on tokenized rows, judged on the dev sets; then fit the embedding to topics.

    Parameters
    ----------
    job : TrainingRun
        The rows, the settings and who watches.
    model : Encoder
        Trained in place.
    examples : sequence of Example
    tokenizer_json : str
    objective : Objective
        Gives the loss.
    topics : Topics, optional
        What the embedding imitates; None fits none.
    """
    heads = model.n_labels
    tokenizer = TextTokenizer(tokenizer_json)
    dev = prepare_dev(
        [each for each in job.data.dev if each.head in heads], tokenizer, job.text.normalization
    )
    plain = Collator(tokenizer, max_length=job.text.max_length, heads=heads)
    finetune(
        model,
        examples,
        job.schedule,
        collate=Collator(
            tokenizer,
            max_length=job.text.max_length,
            heads=heads,
            token_dropout=job.schedule.token_dropout,
        ),
        objective=objective,
        folder=job.output / "checkpoints",
        digest=run_digest(examples, job.schedule, tokenizer_json, job.text),
        resume=job.resume,
        evaluate=(lambda encoder: dev_scores(encoder, dev, plain)) if dev else None,
        observe=job.watch.observe,
        stop=job.watch.stop,
    )
    if topics is not None:
        job.watch.say("fitting the embedding")
        fit_topics(model, examples, plain, topics)


def save_run(job: TrainingRun, model: Encoder, backbone: Backbone, *, name: str) -> Trained:
    """Write the trained network into the output folder.

    Parameters
    ----------
    job : TrainingRun
        Says where the output folder is, and what was read.
    model : Encoder
        The trained network.
    backbone : Backbone
        Where learning started.
    name : str
        Of the backbone, for the record.
    """
    learned = merge(backbone.training, job.data.training)
    record = TrainingRecord(backbone=name, text=job.text, schedule=job.schedule, training=learned)
    trained = Trained(model, backbone.tokenizer_json, record)
    save_trained(job.output, trained)
    return trained


def run_digest(
    examples: Sequence[Example], schedule: Schedule, tokenizer_json: str, text: TextSettings
) -> str:
    """What a checkpoint belongs to: token ids, targets, schedule, tokenizer and text settings.

    Parameters
    ----------
    examples : sequence of Example
    schedule : Schedule
    tokenizer_json : str
    text : TextSettings
    """
    digest = hashlib.sha256(msgspec.json.encode([schedule, text]))
    digest.update(tokenizer_json.encode())
    for example in examples:
        digest.update(example.ids.tobytes())
        for head, target in example.targets.items():
            digest.update(head.encode() + target.gold.tobytes() + target.allowed.tobytes())
            digest.update(str(target.weight).encode())
    return digest.hexdigest()
