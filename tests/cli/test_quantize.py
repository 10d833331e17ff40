"""``sentire quantize`` in a real process, on a small real network."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings

import pytest

from checkpoints import make_folder, make_spoiled
from processes import start
from sentire.bundle.store import read_bundle
from sentire.cli.stages import Stages
from sentire.cli.tables import aligned
from sentire.export.probes import calibration_texts, probes

pytestmark = pytest.mark.filterwarnings("ignore")


def command(*words):
    return [sys.executable, "-m", "sentire", *map(str, words)]


def sentire(*words, **options):
    return subprocess.run(
        command(*words), capture_output=True, text=True, check=False, timeout=200, **options
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("learned")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {"whole": make_folder(root / "whole"), "spoiled": make_spoiled(root / "spoiled")}


@pytest.fixture
def data(tmp_path):
    """Labelled texts under other names, and plain ones."""
    rows = [("judgement,comment\n")]
    for code in ("zh", "en"):
        for kind, name in (("negative", "bad"), ("positive", "good"), ("neutral", "skip")):
            rows += [f'{name},"{text}"\n' for text in probes(code, kind)]
    (tmp_path / "dev.csv").write_text("".join(rows), encoding="utf-8")
    (tmp_path / "texts.txt").write_text(
        "\n".join(calibration_texts(["zh", "en"])), encoding="utf-8"
    )
    return tmp_path


@pytest.mark.slow
def test_labelled_data_prove_what_it_costs(folders, data):
    output = data / "int8"
    done = sentire(
        "quantize", folders["whole"], "-o", output, "--data", data / "dev.csv",
        "--label-column", "judgement", "--text-column", "comment", "--label", "bad=negative",
        "--label", "good=positive", "--label", "skip=-", "--calibration", data / "texts.txt",
        "--name", "shop", "--bundle-version", "3.2.1",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    manifest = read_bundle(output).manifest
    assert (manifest.name, manifest.version) == ("shop", "3.2.1")
    [record] = manifest.evaluation
    assert (record.data, record.metric, record.n) == ("dev", "accuracy", 48)
    lines = done.stdout.splitlines()
    assert lines[0] == f"shop 3.2.1 -> {output}"
    assert any(line.startswith("dev, zh") and " accuracy " in line for line in lines)
    assert any(line.startswith("mean, en") for line in lines)
    assert "layers in INT8" in done.stdout


@pytest.mark.slow
def test_the_report_names_the_layers_that_stay_in_fp32(folders, tmp_path):
    done = sentire("quantize", folders["spoiled"], "-o", tmp_path / "int8")
    assert done.returncode == 0, done.stderr
    assert "base.encoder.layer.0.attention.self" in done.stdout
    assert "No labelled data: nothing is known of how right it is" in done.stdout
    assert "kept in FP32" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        pytest.param(
            ["nothing", "-o", "out"], 1, "nothing: there is no such folder", id="no folder"
        ),
        pytest.param(["whole"], 2, "Missing option '-o'", id="no output"),
        pytest.param(["whole", "-o", "texts.txt"], 1, "texts.txt is a file", id="a file"),
        pytest.param(["whole", "-o", "."], 1, "no bundle", id="a folder with other things"),
        pytest.param(["whole", "-o", "no/out"], 1, "does not exist", id="no such place"),
        pytest.param(["whole", "-o", "out", "--gate", "-1"], 2, "'--gate'", id="no such gate"),
        pytest.param(
            ["whole", "-o", "out", "--data", "dev.csv"],
            2,
            "which column holds the label",
            id="no label",
        ),
        pytest.param(
            ["whole", "-o", "out", "--calibration", "gone.txt"], 2, "gone.txt", id="no calibration"
        ),
        pytest.param(
            ["whole", "-o", "out", "--calibration", "empty.txt"], 2, "holds no text", id="empty"
        ),
        pytest.param(
            ["whole", "-o", "out", "--name", "A b"], 2, "can't be the name", id="bad name"
        ),
    ],
)
def test_wrong_usage_is_one_line(folders, data, words, code, line):
    shutil.copytree(folders["whole"], data / "whole")
    (data / "empty.txt").write_text("\n\n", encoding="utf-8")
    done = sentire("quantize", *words, cwd=data)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    assert line in done.stderr
    assert not (data / "out").exists()


@pytest.mark.parametrize("module", ["nncf", "onnx", "onnxruntime"])
def test_without_the_extra_its_name_is_told(folders, tmp_path, module):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from sentire.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    words = ["quantize", str(folders["whole"]), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "[export]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_said_and_leaves_nothing(folders, tmp_path):
    def little_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = sentire("quantize", folders["whole"], "-o", tmp_path / "out", preexec_fn=little_space)
    assert done.returncode == 1
    assert "no space is left" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interruption_leaves_nothing_half_written(folders, tmp_path, number, code):
    words = command("quantize", folders["spoiled"], "-o", tmp_path / "out")
    with start(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while process.poll() is None and not list(tmp_path.glob(".out.partial/int8-*")):
            time.sleep(0.01)
        process.send_signal(number)
        printed, said = process.communicate(timeout=100)
    assert (process.returncode, printed) == (code, b"")
    assert said == b"sentire: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_after_a_kill_the_next_run_is_whole(folders, tmp_path):
    words = command("quantize", folders["whole"], "-o", tmp_path / "out")
    with start(words, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (tmp_path / ".out.partial").exists():
            time.sleep(0.01)
        process.kill()
    assert not (tmp_path / "out").exists()
    assert sentire(*words[3:]).returncode == 0
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    read_bundle(tmp_path / "out")


def test_stages_are_shown_on_a_terminal_only(capfd, monkeypatch):
    screen, terminal = os.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setenv("TERM", "xterm")
        with Stages() as stages:
            stages("measuring INT8", 3, 10)
            stages("quantizing", 0, 0)
    shown = os.read(screen, 65536).decode()
    os.close(screen)
    assert "quantizing" in shown
    monkeypatch.undo()
    with Stages() as stages:
        stages("quantizing", 0, 0)
    assert capfd.readouterr().err == ""


def test_rows_are_aligned():
    assert aligned([["a", "1"], ["long", "22"]]) == ["a      1", "long  22"]


def test_the_bundle_that_is_read_is_not_replaced(tiny_bundle, tmp_path):
    (tmp_path / "link").symlink_to(tiny_bundle)
    before = (tiny_bundle / "bundle.json").read_bytes()
    for command_ in ("quantize", "import"):
        done = sentire(command_, tiny_bundle, "-o", tmp_path / "link", "--force")
        assert done.returncode == 2
        assert "would replace" in done.stderr
    assert (tiny_bundle / "bundle.json").read_bytes() == before
