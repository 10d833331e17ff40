"""Every engine gives the same answers for the shipped model's one file."""

import subprocess
import sys
from collections import Counter
from importlib import import_module

import numpy as np
import pytest

import sentire
from sentire.backends.choose import open_backend
from sentire.backends.openvino import drop_guards
from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import MODEL_NAME, read_bundle
from sentire.errors import BackendError, MissingExtra, OptionError
from sentire.inference.batching import pad
from sentire.optional import silence_openvino
from sentire.types import Document

TEXTS = ["I love this!", "太差了", "The train leaves at nine.", "很好 " * 40]


@pytest.fixture(scope="module")
def shipped():
    return read_bundle(find_bundle())


def logits_of(backend, bundle, *, together):
    documents = [d for d in bundle.text_path.prepare(TEXTS) if isinstance(d, Document)]
    rows = [document.windows[0].ids for document in documents]
    batches = [rows] if together else [[row] for row in rows]
    return np.concatenate(
        [backend.run(pad(batch, pad_id=bundle.text_path.pad_id))["logits"] for batch in batches]
    )


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_an_answer_does_not_depend_on_what_runs_beside_it(shipped, engine):
    backend = open_backend(shipped, engine=engine, threads=1)
    alone, together = (logits_of(backend, shipped, together=t) for t in (False, True))
    np.testing.assert_allclose(alone, together, atol=1e-4)
    backend.close()


def test_nothing_stands_between_attention_weights_and_their_use(shipped):
    silence_openvino()
    network = import_module("openvino").Core().read_model(shipped.path / MODEL_NAME)
    softmaxes = [op for op in network.get_ordered_ops() if op.get_type_name() == "Softmax"]

    def readers():
        targets = [each for op in softmaxes for each in op.output(0).get_target_inputs()]
        return Counter(each.get_node().get_type_name() for each in targets)

    n = len(softmaxes)
    assert readers() == {"IsNaN": n, "Select": n}, "else there is nothing to drop"
    drop_guards(network)
    assert readers()["Select"] == 0
    assert sum(readers().values()) - readers()["IsNaN"] == n
    left = [op.get_type_name() for op in network.get_ordered_ops()]
    assert left.count("Select") == 1, "the mask is still chosen by its own"
    assert "IsNaN" not in left


def test_openvino_and_onnx_runtime_agree_on_the_label_and_nearly_on_the_scores():
    answers = []
    for engine in ("openvino", "onnxruntime"):
        with sentire.load(engine=engine, threads=1) as analyzer:
            assert analyzer.engine == engine
            answers.append(list(analyzer.analyze_many(TEXTS)))
    for ours, other in zip(*answers, strict=True):
        assert ours.label == other.label
        for label, share in ours.probabilities.items():
            assert share == pytest.approx(other.probabilities[label], abs=0.1)


def test_two_models_loaded_at_once_in_a_fresh_process_don_t_wait_for_each_other():
    code = """
import sys, threading
sys.setswitchinterval(1e-6)
import sentire
def use():
    with sentire.load() as analyzer:
        print(sum(p.error is None for p in analyzer.analyze_many(["great"] * 200)))
threads = [threading.Thread(target=use) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["200", "200"]


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_missing_gpu_engine_names_the_extra(shipped, device):
    with pytest.raises(MissingExtra, match=r"pip install .*\[gpu\]'"):
        open_backend(shipped, engine=f"onnxruntime-{device}", threads=1)


def test_unknown_engines_and_thread_counts_are_refused(shipped):
    with pytest.raises(OptionError, match="choose openvino, onnxruntime"):
        open_backend(shipped, engine="tensorflow", threads=1)
    with pytest.raises(OptionError, match="from 1 to 1024"):
        open_backend(shipped, engine="openvino", threads=0)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_file_that_is_no_model_is_one_clear_error(shipped, tmp_path, engine):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(BackendError, match="can't load"):
        open_backend(shipped._replace(path=tmp_path), engine=engine, threads=1)
