"""Distil teachers into a student: what :mod:`~sentire.training.run` does, with answers to imitate.

Reads:   trained teachers, rows with or without labels, a backbone or layers for the student
Gives:   a trained student in a folder
Never:   asks a teacher about a language that it was not named for
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentire.labels import LABELS
from sentire.text.language import LanguageIdentifier
from sentire.text.normalize import Normalizer
from sentire.text.tokenize import TextTokenizer
from sentire.training.backbone import Backbone
from sentire.training.distill import Distillation, Distiller, TeacherTask
from sentire.training.encoder import Encoder
from sentire.training.examples import Collator, Example, encode
from sentire.training.run import Data, TrainingRun, learn, save_run
from sentire.training.topics import Topics
from sentire.training.trained import Trained, new_encoder


class Teacher(NamedTuple):
    """A trained network and the languages it teaches; none means all."""

    trained: Trained
    languages: tuple[str, ...]


def distill(
    job: TrainingRun,
    student: Backbone,
    teachers: Sequence[Teacher],
    settings: Distillation,
    *,
    name: str,
    topics_from: Backbone | None = None,
) -> Trained:
    """Train a student to answer as its teachers do.

    Parameters
    ----------
    job : TrainingRun
        The rows, the settings and who watches.
    student : where the student starts: layers of a teacher, or a smaller backbone
    teachers : one for every language, or one for each
    settings : Distillation
        Temperature and weights of the loss.
    name : of the student's backbone, for the record
    topics_from : backbone whose idea of topics the student's embedding imitates; None for none

    Raises
    ------
    TrainingFailed, OutputError, Interrupted
        See :func:`~sentire.training.finetune.finetune`.
    """
    # A student has every head that a teacher has, whether or not a row is labelled for it.
    heads: dict[str, int] = {
        head: len(labels)
        for head, labels in LABELS.items()
        if any(head in teacher.trained.encoder.heads for teacher in teachers)
    }
    model = new_encoder(student, heads, seed=job.schedule.seed)
    copy_heads(model, teachers[0].trained.encoder)
    examples = encode(job.data.rows, TextTokenizer(student.tokenizer_json), job.text.normalization)
    topics = None if topics_from is None else _topics(job, topics_from)
    tasks = [_task(job, teacher, examples, student.tokenizer_json) for teacher in teachers]
    objective = Distiller(tasks, settings)
    learn(job, model, examples, student.tokenizer_json, objective, topics=topics)
    return save_run(job, model, student, name=name)


def copy_heads(student: Encoder, teacher: Encoder) -> None:
    """Start the student's heads as the teacher's, where they have the same shape."""
    for head, layer in student.heads.items():
        if head in teacher.heads and layer.weight.shape == teacher.heads[head].weight.shape:
            layer.load_state_dict(teacher.heads[head].state_dict())


def layers_of(trained: Trained, layers: Sequence[int] | None) -> Backbone:
    """Where a student starts that is made of its teacher's layers."""
    base = {
        name: tensor.detach().clone() for name, tensor in trained.encoder.base.state_dict().items()
    }
    whole = Backbone(
        trained.encoder.config, base, {}, trained.tokenizer_json, trained.record.training
    )
    return whole.shrink(layers, None)


def _task(
    job: TrainingRun, teacher: Teacher, examples: Sequence[Example], tokenizer_json: str
) -> TeacherTask:
    trained = teacher.trained
    same = trained.tokenizer_json == tokenizer_json
    tokenizer = TextTokenizer(trained.tokenizer_json)
    read = examples if same else encode(job.data.rows, tokenizer, job.text.normalization)
    most = min(job.text.max_length, trained.record.text.max_length)
    return TeacherTask(
        trained.encoder,
        Collator(tokenizer, max_length=most, heads={}),
        read,
        _taught(job.data, teacher.languages, job),
        same_tokens=same and most == job.text.max_length,
    )


def _taught(data: Data, languages: tuple[str, ...], job: TrainingRun) -> npt.NDArray[np.bool_]:
    """Rows in the languages that a teacher is for."""
    if not languages:
        return np.ones(len(data.rows), np.bool_)
    normalize = Normalizer(job.text.normalization)
    identify = LanguageIdentifier(job.text.languages)
    return np.array(
        [identify(normalize(row.text).text).code in languages for row in data.rows], np.bool_
    )


def _topics(job: TrainingRun, backbone: Backbone) -> Topics:
    """Read topics with a backbone's own tokenizer."""
    encoder = new_encoder(backbone, {}, seed=job.schedule.seed)
    tokenizer = TextTokenizer(backbone.tokenizer_json)
    return job.topics(encoder, encode(job.data.rows, tokenizer, job.text.normalization), tokenizer)
