"""``sentire import`` in a real process, on small classifiers in Hugging Face layout."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings

import pytest
import torch
from safetensors.torch import load_file

from checkpoints import STARS, make_checkpoint
from processes import start
from sentire.bundle.store import read_bundle
from sentire.export.probes import probes

pytestmark = pytest.mark.filterwarnings("ignore")


def command(*words):
    return [sys.executable, "-m", "sentire", *map(str, words)]


def sentire(*words, **env):
    return subprocess.run(
        command(*words), capture_output=True, text=True, check=False, timeout=200,
        env={**os.environ, **env},
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "stars": make_checkpoint(
                root / "stars", architecture="xlm-roberta", tokenizer="unigram", names=STARS
            ),
            "nameless": make_checkpoint(root / "nameless", names=("LABEL_0", "LABEL_1")),
        }


@pytest.mark.slow
def test_a_checkpoint_becomes_a_bundle_that_analyzes(made, tmp_path):
    output = tmp_path / "bundle"
    done = sentire("import", made["stars"], "-o", output, "--name", "stars", "--licence", "MIT")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("labels: 1 star = negative, 2 stars = negative")
    assert any(line.startswith("zh positive (12)") for line in lines)
    assert any(line.startswith("onnxruntime differs from PyTorch by at most") for line in lines)
    assert f"stars 1.0.0 -> {output}" in lines
    assert read_bundle(output).manifest.licence == "MIT"
    scored = sentire("analyze", "质量很好，物美价廉，强烈推荐。", "--model", output)
    record = json.loads(scored.stdout)
    assert (record["label"], record["model"]["name"]) == ("positive", "stars")


@pytest.mark.slow
def test_labels_without_names_are_refused_with_a_table_and_taken_when_said(made, tmp_path):
    words = ["import", made["nameless"], "-o", tmp_path / "bundle", "--fp32"]
    done = sentire(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].split() == ["sentences", "LABEL_0", "LABEL_1"]
    assert "--label LABEL_0=negative --label LABEL_1=positive" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
    said = ["--label", "LABEL_0=negative", "--label", "LABEL_1=positive"]
    done = sentire(*words, *said, "--languages", "zh, en")
    assert done.returncode == 0, done.stderr
    assert "The graph is FP32" in done.stdout
    assert read_bundle(tmp_path / "bundle").manifest.languages == ("zh", "en")
    quantized = sentire("quantize", tmp_path / "bundle", "-o", tmp_path / "int8")
    assert quantized.returncode == 0, quantized.stderr


@pytest.mark.slow
def test_with_labelled_data_it_is_measured(made, tmp_path):
    rows = [
        json.dumps({"text": text, "label": kind})
        for code in ("zh", "en")
        for kind in ("negative", "neutral", "positive")
        for text in probes(code, kind)
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "dev.toml").write_text('[[sources]]\nfile = "dev.jsonl"\n', encoding="utf-8")
    done = sentire(
        "import", made["stars"], "-o", tmp_path / "bundle", "--data", tmp_path / "dev.toml"
    )
    assert done.returncode == 0, done.stderr
    [record] = read_bundle(tmp_path / "bundle").manifest.evaluation
    assert (record.n, record.metric) == (64, "macro_f1")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing/at/all"], "no such folder"),
        (["stars", "--label", "9 stars=positive"], "no label '9 stars'"),
        (["stars", "--label", "positive"], "write NAME=LABEL"),
        (["stars", "--label", "1 star=bad"], "a label means one of"),
        (["stars", "--label", "1 star=-", "--label", "1 star=positive"], "given twice"),
        (["stars", "--languages", "de"], "zh and en only"),
        (["stars", "--max-length", "4096"], "reads 16 to 128 tokens"),
        (["stars", "--data", "gone.csv"], "gone.csv"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(made, tmp_path, words, line):
    name, *options = words
    done = sentire("import", made.get(name, name), "-o", tmp_path / "bundle", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert line in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_pickles_are_never_read(made, tmp_path):
    copy = shutil.copytree(made["stars"], tmp_path / "copy")
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    done = sentire("import", copy, "-o", tmp_path / "bundle")
    assert done.returncode == 2
    assert "pytorch_model.bin, which can run code when read" in done.stderr
    assert "save_pretrained" in done.stderr


def test_without_a_network_a_name_on_the_hub_is_an_error_in_one_line(tmp_path):
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    done = sentire("import", "owner/name", "-o", tmp_path / "bundle", **offline)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "can't be fetched from the Hub" in done.stderr


@pytest.mark.slow
def test_an_interruption_leaves_nothing(made, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = command("import", made["stars"], "-o", tmp_path / "bundle")
    with start(
        words, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(scratch)}
    ) as process:
        while process.poll() is None and not list(scratch.glob("sentire-*/model.onnx")):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=100)[1]
    assert (process.returncode, said) == (130, b"sentire: interrupted; nothing was written\n")
    assert list(tmp_path.iterdir()) == [scratch]
    assert not list(scratch.glob("sentire-*"))
