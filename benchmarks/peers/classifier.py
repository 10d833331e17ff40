"""What the ONNX peers share: the bundle's INT8 file on ONNX Runtime, and its tokenizer.

A session of one thread in each of as many processes as there are cores, so that no core waits for
another, and within a batch groups of similar length, so that little is padded.
"""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

BUNDLE = Path(os.environ.get("BUNDLE", "."))
PORT = int(os.environ.get("PORT", "0"))
CPUS = int(os.environ.get("CPUS", "1"))
GROUP = 4
"""Texts that run together at most; of 1, 2, 4 and 8 this took least CPU a text."""


class Classifier:
    """Labels of texts."""

    def __init__(self, *, threads: int = 1) -> None:
        config = json.loads((BUNDLE / "config.json").read_text("utf-8"))
        self._labels = [config["id2label"][str(n)] for n in range(len(config["id2label"]))]
        self._pad = config["pad_token_id"]
        self._tokenizer = Tokenizer.from_file(str(BUNDLE / "tokenizer.json"))
        limits = json.loads((BUNDLE / "tokenizer_config.json").read_text("utf-8"))
        self._tokenizer.enable_truncation(limits["model_max_length"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(BUNDLE / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self(["warm"])

    def __call__(self, texts: list[str]) -> list[dict[str, object]]:
        """``{"label": ..., "score": ...}`` of each text, in their order."""
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
        answers: list[dict[str, object]] = [{}] * len(rows)
        for start in range(0, len(order), GROUP):
            group = order[start : start + GROUP]
            for n, scores in zip(group, self._run([rows[n] for n in group]), strict=True):
                best = int(scores.argmax())
                answers[n] = {"label": self._labels[best], "score": float(scores[best])}
        return answers

    def _run(self, rows: list[list[int]]) -> np.ndarray:
        width = max(map(len, rows))
        ids = np.full((len(rows), width), self._pad, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for n, row in enumerate(rows):
            ids[n, : len(row)], mask[n, : len(row)] = row, 1
        (logits,) = self._session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
