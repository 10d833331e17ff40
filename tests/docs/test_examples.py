"""Every example runs and prints what it promises."""

import subprocess
import sys

import pytest

from pages import ROOT

EXAMPLES = {
    "score_csv.py": (["reviews.csv", "scored.csv"], ["positive", "negative"]),
    "stream_lines.py": (
        [],
        ["positive\tI love it, works perfectly.", "negative\t太差了，非常失望"],
    ),
    "call_server.py": (["SERVER"], ["这个产品使用体验非常棒！ positive", "'' empty_text"]),
    "find_doubtful.py": (["lines.txt"], ["language_unsupported", "Das ist leider"]),
    "colour_sentences.py": (
        ["相机非常棒，我很喜欢。电池太差了，非常失望。"],
        ["相机非常棒，我很喜欢。电池太差了，非常失望。"],
    ),
}


def test_every_example_is_run():
    assert {file.name for file in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_it_says(name, folder, request):
    words, promised = EXAMPLES[name]
    if "SERVER" in words:
        words = [request.getfixturevalue("server")]
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / name, *words],
        check=False,
        capture_output=True,
        encoding="utf-8",
        input=(folder / "lines.txt").read_text(encoding="utf-8"),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [text for text in promised if text not in done.stdout] == []
