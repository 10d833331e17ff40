"""``sentire doctor`` as a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from sentire.cli.capacity import rate_of, seconds_of
from sentire.doctor.checks import CHECKS


@pytest.fixture
def doctor(tmp_path):
    def run(*words, **env):
        kept = {name: value for name, value in os.environ.items() if name[:8] != "SENTIRE_"}
        return subprocess.run(
            [sys.executable, "-m", "sentire", "doctor", *map(str, words)],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            encoding="utf-8",
            env={**kept, "COLUMNS": "100", **env},
            timeout=600,
        )

    return run


def test_the_table_shows_every_check_and_a_fix_for_what_is_wrong(doctor, tiny_bundle, tmp_path):
    model = f"{tmp_path}/registry/tiny@production"
    done = doctor("--model", tiny_bundle, "--model", model)
    assert done.returncode == 1
    shown = {line.split()[0] for line in done.stdout.splitlines() if line[:1].strip()}
    assert shown == {"settings", *CHECKS}
    [at] = [n for n, line in enumerate(done.stdout.splitlines()) if line.startswith("registry")]
    assert "broken" in done.stdout.splitlines()[at]
    assert "there is no registry" in done.stdout.splitlines()[at]
    assert "-> See the address" in done.stdout.splitlines()[at]
    assert done.stderr.endswith(" warnings.\n")


def test_json_has_the_same_findings_in_ascii(doctor):
    done = doctor("--json", "--only", "clock", "--only", "python")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["status"], done.stdout.isascii()) == ("fine", True)
    assert [finding["check"] for finding in answer["findings"]] == ["python", "clock"]
    assert {"check", "status", "found", "fix", "details"} == answer["findings"][0].keys()


def test_the_checks_are_reached_where_a_library_is_broken():
    """What is wrong with NumPy or a tokenizer is a finding, so nothing before it imports them."""
    code = "import sys, sentire.cli.diagnosis; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    broken = {"numpy", "openvino", "tokenizers", "fastapi", "uvicorn", "pyarrow", "psutil"}
    assert not broken & set(done.stdout.split())


def test_warnings_do_not_fail(doctor):
    done = doctor("--only", "encoding", PYTHONIOENCODING="latin-1", LC_ALL="C.UTF-8")
    assert done.returncode == 0
    assert "warning" in done.stdout


def test_settings_that_can_not_be_read_are_a_finding_and_the_rest_goes_on(doctor, tmp_path):
    (tmp_path / "sentire.toml").write_text("[limits]\ntextss = 1\n")
    done = doctor("--config", "sentire.toml", "--only", "clock", "--json")
    assert done.returncode == 1
    first, second = json.loads(done.stdout)["findings"]
    assert (first["check"], first["status"], second["check"]) == ("settings", "broken", "clock")
    assert "textss" in first["found"]


def test_a_locale_that_can_not_show_a_finding_does_not_end_it(doctor, tmp_path):
    (tmp_path / "模型").mkdir()
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = doctor("--only", "disk", SENTIRE_DOWNLOADS=str(tmp_path / "模型"), **plain)
    assert done.returncode == 0
    assert done.stdout.startswith("disk")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "nothing"], "There is no check 'nothing'"),
        (["--cores", "4"], "--cores is for --capacity"),
        (["--capacity", "many"], "'many' is no rate. Write 500/s"),
        (["--capacity", "500/s", "--p99", "soon"], "'soon' is no time. Write 50ms"),
        (["--capacity", "500/s", "--engine", "onnxruntime-cuda"], "runs on a GPU"),
        (["--capacity", "500/s", "--model", "no-such-model"], "no packaged model"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(doctor, words, said):
    done = doctor(*words)
    assert done.returncode == (1 if "model" in words[-1] else 2)
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_plan_says_what_it_needs_and_what_it_assumes(doctor):
    done = doctor("--capacity", "200/s", "--p99", "10s", "--cores", "2")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "texts/s a core" in text
    assert "For 200 texts/s within 10000 ms:" in text
    assert "It assumes: texts of 24 tokens, one in a request" in text


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_plan_for_programs_holds_all_figures_and_1_says_that_nothing_helps(doctor):
    done = doctor("--capacity", "12000/min", "--p99", "0.01ms", "--tokens", "10", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["asked"] == {"texts_s": 200.0, "p99_s": 0.00001, "tokens": 10}
    assert (answer["options"], answer["best"]) == ([], None)
    assert answer["measured"]["costs"]["row_s"] > 0
    assert answer["assumed"]["headroom"] == 0.7


@pytest.mark.parametrize(
    ("text", "rate"), [("500/s", 500.0), ("30000/min", 500.0), ("1.5", 1.5), ("3600 / h", 1.0)]
)
def test_rates_are_read(text, rate):
    assert rate_of(text) == pytest.approx(rate)


@pytest.mark.parametrize(("text", "seconds"), [("50ms", 0.05), ("0.2s", 0.2), ("50", 0.05)])
def test_times_are_read(text, seconds):
    assert seconds_of(text) == pytest.approx(seconds)
