"""``sentire evaluate`` from the words of the command line to figures and exit codes."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import sentire
from processes import start
from tiny import make_bundle

POLARITY = (
    "text,label\nI love this,positive\n太差了,negative\nthe good,neutral\nbad,neg\n很好,pos\n"
)
DATA = os.environ.get("SENTIMENT_DATA", "")
"""A folder with the development files that the recipe of the shipped model names."""


@pytest.fixture
def evaluate(tiny_bundle, tmp_path):
    """Run ``sentire evaluate`` on the tiny model in ``tmp_path``."""

    def run(*options, bundle=tiny_bundle, env=None, start=None):
        return subprocess.run(
            [sys.executable, "-m", "sentire", "evaluate", str(bundle), *map(str, options)],
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            preexec_fn=start,
            check=False,
            timeout=60,
        )

    (tmp_path / "mine.csv").write_text(POLARITY, encoding="utf-8")
    return run


def test_figures_are_those_of_the_served_answers(evaluate, tiny_analyzer):
    done = evaluate("mine.csv")
    assert (done.returncode, done.stderr) == (0, b"")
    report = json.loads(done.stdout)
    (result,) = report["sets"]
    rows = [line.rsplit(",", 1) for line in POLARITY.splitlines()[1:]]
    names = {"pos": "positive", "neg": "negative"}
    right = [tiny_analyzer.analyze(text).label == names.get(gold, gold) for text, gold in rows]
    assert result["figures"]["accuracy"]["value"] == pytest.approx(sum(right) / len(right))
    assert result["n"] == 5
    assert report["model"]["name"] == "tiny"
    assert report["model"]["digest"] == tiny_analyzer.info.digest
    assert report["format"] == 1
    assert report["sentire"]


def test_several_sets_heads_and_a_table(evaluate, tmp_path):
    rows = [{"text": t, "labels": ["anger"]} for t in ("I love this", "太差了")]
    rows += [{"text": "good", "labels": ["joy", "fear"]}]
    (tmp_path / "moods.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (tmp_path / "dev.toml").write_text(
        '[[sources]]\nfile = "mine.csv"\n[[sources]]\nfile = "mine.csv"\n'
        '[[sources]]\nfile = "moods.jsonl"\nhead = "emotion"\n'
    )
    done = evaluate("dev.toml", "--format", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [s["data"] for s in report["sets"]] == ["mine", "mine_2", "moods"]
    assert report["sets"][2]["several_hold"]
    assert [(t["head"], t["n"]) for t in report["together"]] == [("polarity", 10)]


def test_outputs_are_written_whole_beside_the_table(evaluate, tmp_path):
    done = evaluate("mine.csv", "--json", "r.json", "--html", "r.html", "--format", "table")
    assert done.returncode == 0
    assert done.stderr == b"sentire: written: r.json, r.html\n"
    table = done.stdout.decode()
    assert table.startswith("tiny 0.0.1, fake\n") or table.startswith("tiny 0.0.1, ")
    assert "mine" in table
    report = json.loads((tmp_path / "r.json").read_text())
    accuracy = report["sets"][0]["figures"]["accuracy"]["value"]
    assert f"{100 * accuracy:.1f}" in table
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert f"{100 * accuracy:.1f} (" in page
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.csv", "r.html", "r.json"]


def test_against_another_model(evaluate, tmp_path):
    make_bundle(tmp_path / "other", version="0.0.2", emotion=False)
    done = evaluate("mine.csv", "--against", "other")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["against"]["version"] == "0.0.2"
    comparison = report["sets"][0]["comparison"]
    assert comparison["verdict"] == "no difference shown"
    assert comparison["p_value"] == 1
    words = ("mine.csv", "--behaviour", "--against", "other", "--format", "table")
    table = evaluate(*words).stdout.decode()
    assert "by the other model" in table
    assert "against tiny 0.0.2" in table
    assert "no difference shown" in table


def test_behaviour_needs_no_data(evaluate):
    done = evaluate("--behaviour", "--format", "table")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "behaviour: " in done.stdout.decode()
    report = json.loads(evaluate("--behaviour").stdout)
    assert report["sets"] == []
    assert len(report["behaviour"]["failures"]) == (
        report["behaviour"]["n"] - report["behaviour"]["passed"]
    )


def test_texts_that_can_t_be_scored_change_the_exit_code(evaluate, tmp_path):
    (tmp_path / "gaps.csv").write_text(POLARITY + "\u200b\u200d,positive\n ,neg\n", "utf-8")
    done = evaluate("gaps.csv")
    assert done.returncode == 3
    (result,) = json.loads(done.stdout)["sets"]
    assert result["reading"]["unscored"] == {"empty_text": 1}
    assert (result["n"], result["n_dropped"]) == (5, 1)
    table = evaluate("gaps.csv", "--format", "table").stdout.decode()
    assert "1 not scored (empty_text); 1 rows without text or label left out" in table


FILES = {
    "empty.csv": "",
    "header.csv": "text,label\n",
    "odd.csv": "text,label\na,hmm\nb,positive\n",
    "one.csv": "text,label\na,positive\nb,positive\n",
    "blank.csv": "text,label\n\u200b,positive\n\u200d,negative\n",
    "numbers.csv": "text,label\na,1\nb,0\n",
    "cut.jsonl": '{"text": "a", "label": "positive"}\n{"text": "b", "la\n',
    "moods.jsonl": '{"text": "a", "label": "joy"}\n{"text": "b", "label": "anger"}\n',
    "bad.toml": "[[sources]]\nfile = 1\n",
}


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        pytest.param([], 2, b"name labelled data", id="nothing to evaluate with"),
        pytest.param(["no.csv"], 2, b"no such file", id="a missing file"),
        pytest.param(["empty.csv"], 2, b"empty.csv", id="an empty file"),
        pytest.param(["header.csv"], 2, b"holds no labelled text", id="a header only"),
        pytest.param(["odd.csv"], 2, b"'hmm' (1 rows)", id="an unknown label"),
        pytest.param(["numbers.csv"], 2, b"--label 1=negative", id="bare numbers"),
        pytest.param(["one.csv"], 2, b"one label only, 'positive'", id="one class"),
        pytest.param(["blank.csv"], 2, b"none of its 2 texts", id="nothing can be scored"),
        pytest.param(["cut.jsonl"], 2, b"row 2", id="a broken row"),
        pytest.param(["bad.toml"], 2, b"source 1", id="a broken table"),
        pytest.param(["mine.csv", "--label", "x"], 2, b"NAME=LABEL", id="a broken mapping"),
        pytest.param(["mine.csv", "--head", "mood"], 2, b"polarity", id="an unknown head"),
        pytest.param(
            ["moods.jsonl", "--head", "emotion", "--against", "plain"],
            2,
            b"labelled for emotion, which model tiny@0.0.3 does not tell",
            id="a head that a model lacks",
        ),
        pytest.param(["mine.csv", "--against", "nowhere"], 1, b"nowhere", id="no such model"),
        pytest.param(["mine.csv", "--json", "no/r.json"], 1, b"mkdir -p", id="no output folder"),
        pytest.param(["mine.csv", "--html", "."], 1, b"is a folder", id="a folder as output"),
    ],
)
def test_bad_input_ends_with_one_clear_line(*, evaluate, tmp_path, words, code, line):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    if "plain" in words:
        make_bundle(tmp_path / "plain", version="0.0.3", emotion=False)
    before = sorted(tmp_path.iterdir())
    done = evaluate(*words)
    assert line in done.stderr
    assert done.returncode == code
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_leaves_no_half_report(evaluate, tmp_path):
    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

    done = evaluate("mine.csv", "--json", "r.json", start=no_room)
    assert done.returncode == 1
    assert b"no space is left" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.csv"]


def test_the_page_says_which_extra_it_needs(evaluate, tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "jinja2.py").write_text("raise ImportError('hidden')\n")
    env = {"PYTHONPATH": str(tmp_path / "hidden")}
    done = evaluate("mine.csv", "--html", "r.html", env=env)
    assert done.returncode == 1
    assert b"[evaluation]'" in done.stderr
    assert evaluate("mine.csv", env=env).returncode == 0, "without a page it is not needed"


def test_a_terminal_sees_progress_and_ctrl_c_ends_it_at_once(tiny_bundle, tmp_path):
    rows = [{"text": f"很好 {i} " * 400, "label": "pos" if i % 2 else "neg"} for i in range(4000)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "big.jsonl").write_text(lines, encoding="utf-8")
    words = [sys.executable, "-m", "sentire", "evaluate", str(tiny_bundle), "big.jsonl"]
    screen, terminal = os.openpty()
    with start(
        [*words, "--json", "r.json"], cwd=tmp_path, stderr=terminal, stdout=subprocess.PIPE
    ) as process:
        os.close(terminal)
        shown = b""
        while not re.search(rb"[1-9][0-9,]* rows", shown):
            shown += os.read(screen, 4096)
        process.send_signal(signal.SIGINT)
        output = process.stdout.read()
    while b"interrupted" not in shown:
        shown += os.read(screen, 4096)
    os.close(screen)
    assert process.returncode == 130
    assert output == b""
    assert b"Traceback" not in shown
    assert not list(tmp_path.glob("r.json*"))


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="SENTIMENT_DATA names no folder of development data")
def test_the_shipped_model_s_figures_are_found_again(evaluate):
    with sentire.load() as analyzer:
        promised = {(e.data, e.metric): e for e in analyzer.manifest.evaluation}
    path = Path(DATA) / "polarity2" / "sst2.dev.jsonl.gz"
    (result,) = json.loads(evaluate(path, bundle="zh-en").stdout)["sets"]
    expected = promised["sst2", "accuracy"]
    found = result["figures"]["accuracy"]
    assert result["n"] == expected.n
    assert found["value"] == pytest.approx(expected.value, abs=1e-6)
    assert [found["low"], found["high"]] == pytest.approx([expected.low, expected.high], abs=0.005)


def test_reports_replace_neither_data_nor_one_another(evaluate, tmp_path):
    for option in ("--json", "--html"):
        done = evaluate("mine.csv", option, "./mine.csv", "--force")
        assert done.returncode == 2
        assert b"mine.csv would replace mine.csv, which is read" in done.stderr
    done = evaluate("mine.csv", "--html", "r", "--json", "r")
    assert (done.returncode, b"Name two files" in done.stderr) == (2, True)
    (tmp_path / "r.json").write_text("mine")
    done = evaluate("mine.csv", "--json", "r.json")
    assert done.returncode == 2
    assert b"--force" in done.stderr
    assert (tmp_path / "r.json").read_text() == "mine"
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8") == POLARITY
    assert evaluate("mine.csv", "--json", "r.json", "--force").returncode == 0
