"""A small model that answers as a large one does.

Reads:   teachers, a student, examples with or without labels
Gives:   the objective that :func:`~sentire.training.finetune.finetune` descends
Never:   trains a teacher, or needs one that reads with the student's vocabulary
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from msgspec import Meta

from sentire.labels import OUTPUTS
from sentire.training.device import Device
from sentire.training.encoder import Encoder
from sentire.training.examples import Collator, Example, TensorBatch
from sentire.training.losses import hidden_states, soft_labels, supervised


class Distillation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much each part of the loss counts."""

    temperature: Annotated[float, Meta(gt=0)] = 2.0
    """Above 1 shows the student what the teacher held for less likely."""
    soft: Annotated[float, Meta(ge=0)] = 1.0
    """Of the teacher's answers."""
    hard: Annotated[float, Meta(ge=0)] = 0.3
    """Of the rows' own labels, where they have any."""
    hidden: Annotated[float, Meta(ge=0)] = 1.0
    """Of the teacher's last layer, where both read the same tokens at the same width."""


class TeacherTask(NamedTuple):
    """A trained encoder and the rows it teaches."""

    model: Encoder
    collate: Collator
    examples: Sequence[Example]
    """The rows, tokenized for this teacher."""
    teaches: npt.NDArray[np.bool_]
    """Shape (n_rows,)."""
    same_tokens: bool
    """Whether it reads with the student's tokenizer, so that layers can be compared."""


class Distiller:
    """The objective of a distillation.

    Parameters
    ----------
    teachers : one for all rows, or one for each language
    settings : Distillation
        How the losses are weighed.
    """

    def __init__(self, teachers: Sequence[TeacherTask], settings: Distillation) -> None:
        self._teachers, self._settings = teachers, settings
        device = Device.best()
        for teacher in teachers:
            teacher.model.to(device.name).eval()
            teacher.model.base.set_attn_implementation(device.attention)
        self._device = device

    def __call__(self, student: Encoder, batch: TensorBatch) -> torch.Tensor:
        """Loss of a batch."""
        outputs, last = student.run(batch.input_ids, batch.attention_mask)
        loss = self._settings.hard * supervised(outputs, batch.targets)
        for teacher in self._teachers:
            loss = loss + self._taught(teacher, outputs, last, batch)
        return loss

    def _taught(
        self,
        teacher: TeacherTask,
        outputs: dict[str, torch.Tensor],
        last: torch.Tensor,
        batch: TensorBatch,
    ) -> torch.Tensor:
        rows = np.flatnonzero(teacher.teaches[batch.indices])
        if not len(rows):
            return torch.zeros((), device=self._device.name)
        read = self._device.move(
            teacher.collate(teacher.examples, batch.indices[rows], ends=batch.ends[rows])
        )
        with torch.no_grad():
            answers, state = teacher.model.run(read.input_ids, read.attention_mask)
        chosen = torch.from_numpy(rows).to(self._device.name)
        loss = torch.zeros((), device=self._device.name)
        for name in set(outputs) & set(answers) & set(OUTPUTS.values()):
            divergence = soft_labels(
                outputs[name][chosen], answers[name], temperature=self._settings.temperature
            )
            loss = loss + self._settings.soft * divergence.sum() / len(batch.indices)
        if teacher.same_tokens and state.shape[-1] == last.shape[-1]:
            width = state.shape[1]
            loss = loss + self._settings.hidden * hidden_states(
                last[chosen, :width], state, read.attention_mask
            )
        return loss
