import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from sentire.doctor.bundle import look
from sentire.doctor.findings import Machine
from sentire.service.settings import Settings
from sentire.serving.settings import RemoteSettings


@pytest.fixture
def bundle(tiny_bundle, tmp_path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def findings(bundle):
    return list(look(Machine(Settings(model=str(bundle)))))


def change(bundle: Path, **fields) -> None:
    manifest = bundle / "bundle.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | fields))


def test_a_whole_bundle_is_verified_and_tried(bundle):
    verified, tried = findings(bundle)
    assert (verified.status, tried.status) == ("fine", "fine")
    assert verified.details["fingerprint"].startswith("sha256:")
    assert tried.details["memory"] > 0


def test_a_flipped_byte_is_found_before_anything_is_loaded(bundle):
    file = bundle / "tokenizer.json"
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)
    [finding] = findings(bundle)
    assert finding.status == "broken"
    assert "tokenizer.json was altered" in finding.found
    assert "anew" in finding.fix


def test_another_text_path_is_told_as_such(bundle):
    change(bundle, fingerprint="sha256:" + 64 * "0")
    [finding] = findings(bundle)
    assert finding.details["error"] == "FingerprintMismatch"
    assert "text path" in finding.found


def test_golden_answers_that_do_not_hold_are_told(bundle):
    golden = json.loads((bundle / "bundle.json").read_text())["golden"]
    golden[0]["probabilities"] = {"negative": 0.0, "neutral": 1.0, "positive": 0.0}
    change(bundle, golden=golden)
    verified, tried = findings(bundle)
    assert (verified.status, tried.status) == ("fine", "broken")
    assert tried.details["error"] == "SelfTestFailed"


@pytest.mark.parametrize("model", ["no-such-model", "{tmp}", "{tmp}/alias.txt"])
def test_no_bundle_is_told_with_the_place(tmp_path, model):
    (tmp_path / "alias.txt").write_text("gone\n")
    [finding] = findings(model.format(tmp=tmp_path))
    assert finding.status == "broken"
    assert finding.fix


def test_a_process_that_an_instruction_ends_is_explained(doctor, tmp_path):
    code = f"import os; os.kill(os.getpid(), {int(signal.SIGILL)})"
    (tmp_path / "old/openvino").mkdir(parents=True)
    (tmp_path / "old/openvino/__init__.py").write_text(code)
    found = doctor("--only", "bundle", code=1, PYTHONPATH=os.fspath(tmp_path / "old"))
    assert [finding["status"] for finding in found] == ["fine", "broken"]
    assert "SIGILL" in found[1]["found"]
    assert "instruction" in found[1]["fix"]


def test_a_gateway_has_no_models_to_look_at():
    settings = Settings(remote=RemoteSettings(urls=("http://127.0.0.1:1",)))
    [finding] = look(Machine(settings))
    assert finding.status == "skipped"
