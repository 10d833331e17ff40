import json
import subprocess
import sys
from pathlib import Path

import baselines
import numpy as np
import pytest
from records import dataset, one_hot

BENCHMARKS = Path(baselines.__file__).parent
ROWS = [("I love this", "positive"), ("This is bad", "negative"), ("the good", "positive")]


@pytest.mark.parametrize("peer", baselines.PEERS, ids=lambda peer: peer.name)
def test_scores_mean_what_the_script_says(peer):
    low, high = peer.middle - 0.3, peer.middle + 0.3
    scores = np.array([low, peer.middle, high])
    three = dataset(one_hot([0, 1, 2]))
    (labels,) = baselines.readings(three, peer, scores)
    assert labels.tolist() == [0, 1, 2]
    two = dataset(one_hot([0, 2, 2]))
    assert [r.tolist() for r in baselines.readings(two, peer, scores)] == [[0, 2, 2], [0, 0, 2]]


def test_what_lies_between_goes_where_it_suits_the_peer():
    peer = baselines.PEERS[0]
    ours = baselines.outcomes(dataset(one_hot([0, 2])), np.arange(2), np.array([0, 2]))
    for gold in (0, 2):
        data = dataset(one_hot([0, gold, gold, 2]))
        ours = baselines.outcomes(data, np.arange(4), np.array([0, gold, gold, 2]))
        scores = iter([0.1, 0.5, 0.5, 0.9])
        row = baselines.measure_peer(data, peer, lambda _, s=scores: next(s), np.arange(4), ours)
        assert row["figures"]["accuracy"]["value"] == 1
        assert row["p_against_ours"] == 1


def test_a_peer_that_fails_is_listed_with_its_error():
    def broken(text):
        raise ZeroDivisionError("no words")

    data = dataset(one_hot([0, 2]))
    ours = baselines.outcomes(data, np.arange(2), np.array([0, 2]))
    row = baselines.measure_peer(data, baselines.PEERS[0], broken, np.arange(2), ours)
    assert row == {"data": "made", "who": "SnowNLP", "error": "ZeroDivisionError: no words"}


def test_it_runs_without_any_peer(tiny_bundle, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for module in ("snownlp", "cnsenti", "textblob", "vaderSentiment"):
        (hidden / f"{module}.py").write_text(f"raise ImportError('{module} is not here')\n")
    lines = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS)
    (tmp_path / "mine.jsonl").write_text(lines)
    words = [BENCHMARKS / "baselines.py", tmp_path / "mine.jsonl", "--model", tiny_bundle]
    done = subprocess.run(
        [sys.executable, *words, "--json", tmp_path / "out.json"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(hidden)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours, *peers = json.loads((tmp_path / "out.json").read_text())
    assert (ours["who"], ours["n"], ours["labels"]) == ("sentire tiny 0.0.1", 3, 2)
    assert [(row["who"], row["error"]) for row in peers] == [
        ("VADER", "ImportError: vaderSentiment is not here"),
        ("TextBlob", "ImportError: textblob is not here"),
    ]
    assert "not run: ImportError" in done.stdout


def test_every_peer_is_in_the_list_of_what_to_install():
    listed = (BENCHMARKS / "baselines.txt").read_text().lower()
    names = {"SnowNLP": "snownlp", "VADER": "vadersentiment"}
    assert all(f"{names.get(p.name, p.name.lower())}==" in listed for p in baselines.PEERS)
