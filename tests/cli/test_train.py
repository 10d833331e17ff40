"""``sentire train`` and ``sentire distill`` on small real networks, in real processes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from networks import sentences, write_checkpoint, write_csv
from processes import start
from sentire.bundle.store import read_bundle
from sentire.inference.load import load
from sentire.training.trained import load_trained

QUICK = ("--learning-rate", "5e-3", "--max-length", "32", "--token-dropout", "0")


def command(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "sentire", *map(str, words)],
        capture_output=True, text=True, timeout=250, check=False, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("backbone") / "checkpoint", n_layers=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "mine.csv", sentences(300))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, backbone, data):
    """A teacher with its bundle, made by the command."""
    output = tmp_path_factory.mktemp("trained") / "mine"
    done = command("train", data, "--backbone", backbone, "-o", output, "--epochs", 12,
                   "--topic-rows", 100, "--licence", "CC0-1.0", *QUICK)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output, done


@pytest.mark.slow
def test_train_ends_in_a_bundle_that_serves(trained):
    output, done = trained
    bundle = read_bundle(output)
    assert bundle.manifest.licence == "CC0-1.0"
    assert bundle.manifest.embedding.dimensions == 32
    assert bundle.manifest.quantization is not None
    [record] = bundle.manifest.evaluation
    assert (record.data, record.metric) == ("mine", "macro_f1")
    assert record.value > 0.9
    assert [t.name for t in bundle.manifest.training] == ["mine"]
    with load(output) as analyzer:
        assert analyzer.analyze("太差 服务 bad").label == "negative"
        [vector] = analyzer.embed_many(["很好 服务"])
        assert vector.shape == (32,)
    assert "rows to learn from" in done.stderr
    assert "dev: mine" in done.stderr
    assert "layers in INT8" in done.stdout


@pytest.mark.slow
def test_train_leaves_its_weights_curve_and_history_beside_the_bundle(trained):
    folder = trained[0].with_name("mine.training")
    assert load_trained(folder).record.text.max_length == 32
    assert (folder / "curve.svg").read_text().lstrip().startswith("<?xml")
    points = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert points[-1]["step"] == points[-1]["n_steps"]
    assert points[-1]["dev"]["mean"] > 0.9


@pytest.mark.slow
def test_distill_makes_a_smaller_bundle_that_answers_alike(trained, data, tmp_path):
    extra = tmp_path / "chats.txt"
    extra.write_text("".join(f"{text}\n" for text, _ in sentences(60, seed=7)), encoding="utf-8")
    done = command("distill", data, "--teacher", trained[0].with_name("mine.training"),
                   "--layers", "0,3", "--unlabelled", extra, "-o", tmp_path / "small",
                   "--epochs", 12, *QUICK)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "small/model.onnx").stat().st_size < (
        trained[0] / "model.onnx"
    ).stat().st_size
    [record] = read_bundle(tmp_path / "small").manifest.evaluation
    assert record.value > 0.9


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupted_run_goes_on_with_resume(backbone, data, tmp_path):
    words = ["train", data, "--backbone", backbone, "-o", tmp_path / "mine", "--epochs", 40,
             "--topic-rows", 0, "--no-bundle", *QUICK]  # fmt: skip
    with start(
        [sys.executable, "-m", "sentire", *map(str, words)], stderr=subprocess.PIPE, text=True
    ) as running:
        next(line for line in running.stderr if line.startswith("step "))
        running.send_signal(signal.SIGINT)
        told = running.stderr.read()
    assert running.returncode == 130
    assert "Run the same command with --resume" in told
    folder = tmp_path / "mine.training"
    assert (folder / "checkpoints/checkpoint.safetensors").exists()
    assert not (folder / "model.safetensors").exists()
    done = command(*words, "--resume")
    assert done.returncode == 0, done.stderr
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert history[-1]["step"] == history[-1]["n_steps"]
    assert load_trained(folder).encoder.n_labels == {"polarity": 3}
    other = command(*words, "--seed", 8, "--resume")
    assert other.returncode == 1
    assert "other data or settings" in other.stderr


@pytest.mark.parametrize(
    ("words", "rows", "message"),
    [
        pytest.param([], [("a", "LABEL_1")] * 50, "'LABEL_1' (50 rows)", id="unknown label"),
        pytest.param([], [(f"a {i}", "positive") for i in range(90)], "one class only",
                     id="one class"),
        pytest.param([], [("a", "positive")], "at least 40 are needed", id="too few"),
        pytest.param(["--learning-rate", "2"], sentences(90), "--learning-rate: Expected `float` <",
                     id="rate"),
        pytest.param(["--layers", "a"], sentences(90), "write numbers and commas", id="layers"),
        pytest.param(["--layers", "9"], sentences(90), "rising numbers from 0 to 3", id="no layer"),
        pytest.param(["--name", "Für"], sentences(90), "--name", id="name"),
        pytest.param(["--bundle-version", "1"], sentences(90), "like 1.0.0", id="version"),
    ],
)  # fmt: skip
def test_what_can_not_be_learned_is_refused_in_a_line(backbone, tmp_path, words, rows, message):
    data = write_csv(tmp_path / "mine.csv", rows)
    done = command("train", data, "--backbone", backbone, "-o", tmp_path / "mine", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "mine").exists()


def test_a_backbone_that_is_not_there_is_named(data, tmp_path):
    done = command("train", data, "--backbone", tmp_path, "-o", tmp_path / "mine")
    assert done.returncode == 2
    assert "no config.json" in done.stderr


def test_a_folder_with_other_things_is_no_output(backbone, data, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    began = time.monotonic()
    done = command("train", data, "--backbone", backbone, "-o", tmp_path / "mine")
    assert done.returncode == 1
    assert "no bundle" in done.stderr
    assert time.monotonic() - began < 60


def test_an_earlier_run_and_what_is_read_are_not_replaced(data, tmp_path):
    teacher = tmp_path / "big.training"
    teacher.mkdir()
    (teacher / "model.safetensors").write_text("weights")
    done = command("train", data, "-o", tmp_path / "big", "--no-bundle")
    assert done.returncode == 2
    assert "holds an earlier run" in done.stderr
    done = command("distill", data, "--teacher", teacher, "-o", tmp_path / "big", "--force")
    assert done.returncode == 2
    assert "would replace" in done.stderr
    done = command("train", teacher / "a.csv", "--backbone", teacher, "-o", tmp_path / "big",
                   "--force")  # fmt: skip
    assert done.returncode == 2
    assert "would replace" in done.stderr
    assert (teacher / "model.safetensors").read_text() == "weights"


@pytest.mark.parametrize("words", [["train"], ["distill", "--teacher", "t"]], ids=lambda w: w[0])
@pytest.mark.parametrize("module", ["torch", "matplotlib", "nncf"])
def test_without_the_extras_their_names_are_told(data, tmp_path, words, module):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from sentire.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    given = [*words, str(data), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, *given], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "export]'" in done.stderr
    assert "Traceback" not in done.stderr
