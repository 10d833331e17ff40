"""Compare what a model computes with what its bundle promises."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sentire.bundle.store import Bundle
from sentire.errors import BundleDamaged, SelfTestFailed

GOLDEN_TOLERANCE = 0.05
"""Largest accepted difference of a golden probability. Measured on the golden sentences of zh-en
1.0.0, the least sure of which moves most: OpenVINO against ONNX Runtime on one machine 0.007, also
where ONNX Runtime computes in floats as it does on a GPU; OpenVINO with the processor's INT8
instructions (VNNI) against without them 0.026. This is twice that."""


def check_outputs(bundle: Bundle, outputs: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Check that the graph has what the manifest's heads and its embedding read.

    Parameters
    ----------
    bundle : Bundle
    outputs : output name -> float32 array of shape (1, n_columns)
        What the model computed for one row.

    Raises
    ------
    BundleDamaged
        An output is missing, or has more or fewer columns than the manifest says.
    """
    manifest = bundle.manifest
    wanted = [
        (f"head {name}", head.output, len(head.labels)) for name, head in manifest.heads.items()
    ]
    if manifest.embedding is not None:
        wanted.append(("the embedding", manifest.embedding.output, manifest.embedding.dimensions))
    for reader, output, n_columns in wanted:
        found = outputs.get(output)
        if found is None:
            raise BundleDamaged(
                bundle.path,
                f"{reader} reads the output {output!r}, which the model does not have. "
                f"It has {', '.join(sorted(outputs))}.",
            )
        if found.shape != (1, n_columns):
            raise BundleDamaged(
                bundle.path,
                f"{reader} reads {n_columns} columns of the output {output!r}. For one row of "
                f"tokens the model gives an array of shape {found.shape}, allowed is "
                f"{(1, n_columns)}.",
            )


def check_golden(bundle: Bundle, answers: Sequence[dict[str, float]]) -> None:
    """Check the answers to the golden sentences.

    Parameters
    ----------
    bundle : Bundle
    answers : for each golden sentence, in order, label -> probability

    Raises
    ------
    SelfTestFailed
        A probability is further from the promised one than the bundle's tolerance or
        :data:`GOLDEN_TOLERANCE`, or the bundle promises nothing.
    """
    tolerance = min(bundle.manifest.golden_tolerance, GOLDEN_TOLERANCE)
    for number, (golden, answer) in enumerate(zip(bundle.manifest.golden, answers, strict=True)):
        if not golden.probabilities:
            raise SelfTestFailed(bundle.path, f"golden sentence {number} has no probabilities.")
        for label, promised in golden.probabilities.items():
            found = answer.get(label, float("nan"))
            if not abs(found - promised) <= tolerance:
                raise SelfTestFailed(
                    bundle.path,
                    f"golden sentence {number} has {label} {found:.3f}, the bundle promises "
                    f"{promised:.3f} within {tolerance:g}. The engine or the machine computes "
                    "something else than the model's maker did; try another engine.",
                )
