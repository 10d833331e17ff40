"""Make an FP32 ONNX file INT8.

Reads:   an FP32 ONNX file and token ids to calibrate with
Gives:   one file in which linear layers are QDQ nodes and the word embeddings are INT8 rows
Never:   judges the result; ``search.py`` does, on the served graph
"""

import contextlib
import logging
import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from sentire.errors import BackendError
from sentire.export.graph import (
    drop_unused,
    is_quantized,
    quantize_rows,
    quantized_layers,
    read_graph,
    restore,
    word_gather,
)
from sentire.optional import import_nncf

Inputs = dict[str, npt.NDArray[np.int64]]


class Quantized:
    """A network before and after quantization; layers can be given back their precision.

    Parameters
    ----------
    source : Path
        An FP32 ONNX file with inputs ``input_ids`` and ``attention_mask``.
    calibration : sequence of {"input_ids", "attention_mask"}
        Each int64 of shape (n_texts, n_tokens); the ranges of activations are taken from them.

    Attributes
    ----------
    fp32, int8 : onnx.ModelProto
        ``int8`` has the linear layers, and what attention multiplies, as QDQ nodes by NNCF's
        transformer preset: asymmetric activations, SmoothQuant, bias correction.
    embedding : str or None
        Name of the word embeddings' table, whose rows are INT8 with a scale each; None where the
        graph has no such table, and its embeddings are as NNCF leaves them.
    layers : dict of layer name -> names of its nodes
        What quantization changed and :meth:`graph` can keep, in the order of the graph.

    Raises
    ------
    BackendError
        The file is INT8 already, or NNCF can't read it.
    """

    def __init__(self, source: Path, calibration: Sequence[Inputs]) -> None:
        nncf = import_nncf()
        self.fp32 = read_graph(source)
        if is_quantized(self.fp32):
            raise BackendError(f"{source} is quantized already. Give the FP32 graph.")
        gather = word_gather(self.fp32)
        self.embedding = None if gather is None else gather.input[0]
        ignored = None if gather is None else nncf.IgnoredScope(names=[gather.name])
        with _quiet():
            try:
                self.int8 = nncf.quantize(
                    self.fp32,
                    nncf.Dataset(list(calibration)),
                    subset_size=len(calibration),
                    preset=nncf.QuantizationPreset.MIXED,
                    model_type=nncf.ModelType.TRANSFORMER,
                    target_device=nncf.TargetDevice.CPU,
                    ignored_scope=ignored,
                )
            except Exception as error:  # NNCF and ONNX Runtime raise many kinds
                raise BackendError(f"NNCF can't quantize {source}: {error}") from error
        self.layers = quantized_layers(self.fp32, self.int8)
        gather = word_gather(self.int8)
        if gather is not None:
            quantize_rows(self.int8, gather)
        drop_unused(self.int8)

    def graph(self, kept: Collection[str] = ()) -> onnx.ModelProto:
        """The INT8 graph with the layers named in ``kept`` in FP32."""
        nodes = [node for layer in kept for node in self.layers[layer]]
        return restore(self.fp32, self.int8, nodes)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """NNCF draws bars on standard output, where only data belongs, and warns of its own parts."""
    loggers = [logging.getLogger(name) for name in ("nncf", "root")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            contextlib.redirect_stdout(nowhere),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
