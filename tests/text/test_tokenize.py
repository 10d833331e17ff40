import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, processors

from sentire.errors import BundleDamaged
from sentire.text.tokenize import TextTokenizer


@pytest.fixture(scope="module")
def unigram(unigram_json):
    return TextTokenizer(unigram_json)


@pytest.fixture(scope="module")
def word_level(word_level_json):
    return TextTokenizer(word_level_json)


def test_special_tokens_are_the_post_processors(unigram, word_level):
    assert (unigram.prefix, unigram.suffix, unigram.pad_id, unigram.unknown_id) == ([0], [2], 1, 3)
    assert (word_level.prefix, word_level.suffix) == ([2], [3])
    assert (word_level.pad_id, word_level.unknown_id) == (0, 1)


@pytest.mark.parametrize(
    ("post_processor", "prefix", "suffix"),
    [
        pytest.param(processors.RobertaProcessing(("</s>", 2), ("<s>", 0)), [0], [2], id="RoBERTa"),
        pytest.param(
            processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)]),
            [],
            [2],
            id="T5",
        ),
    ],
)
def test_other_frames_are_found_too(unigram_json, post_processor, prefix, suffix):
    tokenizer = Tokenizer.from_str(unigram_json)
    tokenizer.post_processor = post_processor
    framed = TextTokenizer(tokenizer.to_str())
    assert (framed.prefix, framed.suffix) == (prefix, suffix)


def test_padding_and_truncation_of_the_file_are_ignored_but_for_the_pad_id(unigram_json):
    tokenizer = Tokenizer.from_str(unigram_json)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(pad_id=2, length=64)
    configured = TextTokenizer(tokenizer.to_str())
    assert configured.pad_id == 2
    assert configured(["the food was great but slow"]) == TextTokenizer(unigram_json)(
        ["the food was great but slow"]
    )


def test_ids_are_those_of_the_library(unigram, unigram_json):
    texts = ["the food was great", "", "服务很差。", "the xylophone", "😂"]
    library = Tokenizer.from_str(unigram_json)
    encodings = library.encode_batch(texts, add_special_tokens=False)
    assert unigram(texts) == [encoding.ids for encoding in encodings]


def test_unknown_tokens_are_counted(unigram, word_level):
    assert unigram.count_unknown(unigram(["好 ☃ ж"])[0]) == 2
    assert word_level.count_unknown(word_level(["the yacht"])[0]) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("the food was great but slow " * 800, id="cut at blanks"),
        pytest.param("the food was great\n" * 800, id="cut at line ends"),
    ],
)
def test_a_long_text_has_the_tokens_of_the_whole(unigram, unigram_json, text):
    library = Tokenizer.from_str(unigram_json)
    whole = library.encode(text.strip(), add_special_tokens=False).ids
    assert unigram(["good", text.strip(), "bad"])[1] == whole


@pytest.mark.parametrize("unit", ["很好服务", "很好，服务差。", "a", "a\u0301"])
def test_a_long_text_without_blanks_loses_nothing(unigram, unit):
    text = unit * (50_000 // len(unit))
    short, [ids] = unigram([unit * 10])[0], unigram([text])
    assert len(ids) == pytest.approx(len(short) * len(text) / len(unit * 10), rel=0.15)


@settings(deadline=None)
@given(
    n_tokens=st.integers(0, 700),
    room=st.integers(1, 130),
    overlap=st.integers(0, 129),
)
def test_windows_read_every_token_and_count_it_once(unigram, n_tokens, room, overlap):
    overlap = min(overlap, room - 1)
    ids = list(range(100, 100 + n_tokens))
    windows = unigram.windows(ids, room + 2, overlap)
    bodies = [window.ids[1:-1].tolist() for window in windows]
    assert all(window.ids[0] == 0 and window.ids[-1] == 2 for window in windows)
    assert all(window.ids.dtype == np.int32 and len(window.ids) <= room + 2 for window in windows)
    assert sum(window.weight for window in windows) == n_tokens
    assert all(window.weight <= len(body) for window, body in zip(windows, bodies, strict=True))
    joined = bodies[0]
    for before, body in itertools.pairwise(bodies):
        assert before[len(before) - overlap :] == body[:overlap]
        joined = joined + body[overlap:]
    assert joined == ids
    if len(windows) > 1:
        sizes = [len(body) for body in bodies]
        assert max(sizes) - min(sizes) <= 1
        assert min(window.weight for window in windows) > 0


def test_a_short_text_is_one_window(unigram):
    [window] = unigram.windows([7, 8, 9], 5, 1)
    assert (window.ids.tolist(), window.weight) == ([0, 7, 8, 9, 2], 3)


def test_a_token_too_many_makes_two_even_windows(unigram):
    first, second = unigram.windows(list(range(10, 20)), 11, 2)
    assert first.ids.tolist() == [0, 10, 11, 12, 13, 14, 15, 2]
    assert second.ids.tolist() == [0, 14, 15, 16, 17, 18, 19, 2]
    assert (first.weight, second.weight) == (5, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "can't be read", id="empty"),
        pytest.param("{}", "can't be read", id="another file"),
        pytest.param('{"model": {"type": "Magic"}}', "can't be read", id="an unknown model"),
        pytest.param(
            Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]")).to_str(),
            "no padding token",
            id="no padding token",
        ),
        pytest.param(
            Tokenizer(models.WordLevel({"b": 0}, unk_token="[UNK]")).to_str(),
            "can't be read",
            id="no unknown token",
        ),
    ],
)
def test_what_is_no_tokenizer_is_refused(text, said):
    with pytest.raises(BundleDamaged, match=said):
        TextTokenizer(text)


FORKS = """
import os, sys
from sentire.text.tokenize import TextTokenizer
tokenizer = TextTokenizer(sys.stdin.read())
before = len(os.listdir("/proc/self/task"))
expected = tokenizer(["the food", "was great"] * 50)
print(len(os.listdir("/proc/self/task")) - before)
child = os.fork()
if child == 0:
    os._exit(tokenizer(["the food", "was great"] * 50) != expected)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="reads /proc")
def test_threads_follow_the_process_and_a_fork_is_silent(unigram_json):
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        input=unigram_json,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    threads, status = map(int, done.stdout.split())
    assert threads <= len(os.sched_getaffinity(0))
    assert (status, done.stderr) == (0, "")
