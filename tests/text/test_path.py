import re
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentire.errors import EmptyText, NotText, OptionError, TextError, TextTooLong
from sentire.text.normalize import NormalizationSettings
from sentire.text.path import TextPath, TextSettings
from sentire.types import Document

SETTINGS = TextSettings(max_length=16, overlap=4)
LONG = "the food was great and the service was slow and bad " * 3


@pytest.fixture(scope="module")
def path(unigram_json):
    return TextPath(unigram_json, SETTINGS)


def test_a_text_becomes_a_document(path):
    [document] = path.prepare(["The food was great"])
    assert document.text == "The food was great"
    assert (document.language.code, document.language.supported) == ("en", True)
    assert document.coverage.tokens == document.coverage.read == len(document.windows[0].ids) - 2
    assert (document.coverage.windows, document.coverage.truncated) == (1, False)
    assert document.unknown == 1  # the capital T
    assert document.segments == ()


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        pytest.param(None, NotText, "null", id="None"),
        pytest.param(3, NotText, "a number", id="int"),
        pytest.param(float("nan"), NotText, "a number", id="NaN"),
        pytest.param(True, NotText, "a boolean", id="bool"),
        pytest.param(["a"], NotText, "list", id="list"),
        pytest.param(b"a", NotText, "bytes", id="bytes"),
        pytest.param("", EmptyText, "empty", id="empty"),
        pytest.param(" \n\u3000", EmptyText, "empty", id="blank"),
        pytest.param("\u200b\ufeff\x00", EmptyText, "empty", id="zero width"),
        pytest.param("\u2800\u3164\U000e0041", EmptyText, "empty", id="fillers and tags"),
    ],
)
def test_what_cannot_be_read_keeps_its_place(path, value, error, said):
    before, failed, behind = path.prepare(["good", value, "bad"])
    assert isinstance(failed, error)
    assert said in str(failed)
    assert (before.text, behind.text) == ("good", "bad")


def test_duplicates_and_order_stay(path):
    texts = ["good", "bad", "good", LONG, "服务很差", "good"]
    documents = path.prepare(texts)
    assert [document.text for document in documents] == texts
    assert documents[0].windows[0].ids.tolist() == documents[5].windows[0].ids.tolist()


def test_a_long_text_is_read_in_windows(path):
    [document] = path.prepare([LONG])
    coverage = document.coverage
    assert coverage.read == coverage.tokens > SETTINGS.max_length
    assert coverage.windows == len(document.windows) > 1
    assert not coverage.truncated
    assert sum(window.weight for window in document.windows) == coverage.tokens


def test_a_long_text_is_cut_where_asked_and_says_so(path):
    [document] = path.prepare([LONG], on_long="truncate")
    assert document.coverage.read == document.windows[0].weight == SETTINGS.max_length - 2
    assert document.coverage.tokens > document.coverage.read
    assert (document.coverage.windows, document.coverage.truncated) == (1, True)


def test_a_long_text_is_an_error_where_asked_and_no_other_is(path):
    short, long, other = path.prepare(["good", LONG, "bad"], on_long="error")
    assert isinstance(long, TextTooLong)
    assert long.limit == SETTINGS.max_length - 2 < long.n_tokens
    assert isinstance(short, Document)
    assert isinstance(other, Document)


def test_an_unknown_way_with_long_texts_is_refused(path):
    with pytest.raises(OptionError, match="window, truncate, error"):
        path.prepare(["good"], on_long="cut")


def test_sentences_stand_where_they_stood_in_the_original(path):
    text = "房间很大，但是服务太差了。"
    [document] = path.prepare([text], sentences=True)
    assert [(part.start, part.end) for part in document.segments] == [(0, 5), (5, 13)]
    text = "  It&apos;s   good!!!!!!!! \u200b @jack_1 was bad.  "
    [document] = path.prepare([text], sentences=True)
    found = [text[part.start : part.end] for part in document.segments]
    assert found == ["It&apos;s   good!!!!!!!!", "@jack_1 was bad."]


def test_sentences_are_read_like_texts_of_their_own(path):
    [document] = path.prepare(["good. bad."], sentences=True)
    alone = path.prepare(["good.", "bad."])
    for part, whole in zip(document.segments, alone, strict=True):
        assert np.array_equal(part.window.ids, whole.windows[0].ids)
        assert part.window.weight == whole.coverage.tokens


@pytest.mark.parametrize("text", ["good", "good food.", "好"])
def test_one_sentence_is_no_list_of_sentences(path, text):
    assert path.prepare([text], sentences=True)[0].segments == ()


def test_a_long_sentence_is_one_window(path):
    [document] = path.prepare([f"good. {LONG}"], sentences=True)
    assert [len(part.window.ids) for part in document.segments][1] == SETTINGS.max_length


MIXED = st.lists(st.one_of(st.text(st.characters()), st.none(), st.floats()), max_size=8)


@settings(max_examples=200, deadline=None)
@given(MIXED, st.booleans(), st.sampled_from(["window", "truncate", "error"]))
def test_as_many_come_out_as_go_in(path, values, sentences, on_long):
    results = path.prepare(values, sentences=sentences, on_long=on_long)
    assert len(results) == len(values)
    for value, result in zip(values, results, strict=True):
        if isinstance(result, TextError):
            continue
        assert result.text == value
        weight = sum(window.weight for window in result.windows)
        assert weight == result.coverage.read <= result.coverage.tokens
        for part in result.segments:
            assert 0 <= part.start < part.end <= len(value)
        starts = [part.start for part in result.segments]
        assert starts == sorted(starts)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("الخدمة سيئة. شكرا!", id="right to left"),
        pytest.param("\u202eevil\u202c good", id="a direction override"),
        pytest.param("👩‍👩‍👧‍👦 好！👍🏽🇨🇳", id="emoji of several characters"),
        pytest.param("\ud83d good \udc00", id="lone surrogates"),
        pytest.param("Z͑ͫ̓a̴͎l̷go " * 30, id="piled accents"),
        pytest.param("很好吃" * 16_667, id="50,000 Han characters"),
        pytest.param("ab" * 25_000, id="50,000 letters"),
        pytest.param("👍👎" * 25_000, id="50,000 emoji"),
        pytest.param("good. " * 8_333, id="50,000 characters of sentences"),
    ],
)
def test_odd_texts_are_read(path, text):
    [document] = path.prepare([text], sentences=True)
    assert isinstance(document, Document)
    assert sum(window.weight for window in document.windows) == document.coverage.tokens


def test_nothing_gives_nothing(path):
    assert path.prepare([]) == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"max_length": 17}, id="max_length"),
        pytest.param({"overlap": 5}, id="overlap"),
        pytest.param({"languages": ("zh",)}, id="languages"),
        pytest.param({"normalization": NormalizationSettings(max_repeat=2)}, id="normalization"),
    ],
)
def test_the_fingerprint_changes_with_the_settings(path, unigram_json, changed):
    other = msgspec.structs.replace(SETTINGS, **changed)
    assert TextPath(unigram_json, other).fingerprint != path.fingerprint


def test_the_fingerprint_changes_with_the_tokenizer(path, word_level_json):
    assert TextPath(word_level_json, SETTINGS).fingerprint != path.fingerprint


def test_the_fingerprint_changes_with_the_code(path, unigram_json, monkeypatch):
    monkeypatch.setattr("sentire.text.segment._TITLE", re.compile("never"))
    assert TextPath(unigram_json, SETTINGS).fingerprint != path.fingerprint


PRINT = """
import sys
from sentire.text.path import TextPath, TextSettings
print(TextPath(sys.stdin.read(), TextSettings(max_length=16, overlap=4)).fingerprint)
"""


def test_the_fingerprint_is_the_same_in_every_process(path, unigram_json):
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        input=unigram_json,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert path.fingerprint.startswith("sha256:")
    assert done.stdout.strip() == path.fingerprint


@pytest.mark.parametrize(("max_length", "overlap"), [(16, 14), (16, -1), (2, 0), (0, 0)])
def test_settings_without_room_are_refused(unigram_json, max_length, overlap):
    with pytest.raises(OptionError, match="overlap must be at least 0"):
        TextPath(unigram_json, TextSettings(max_length=max_length, overlap=overlap))


def test_a_misspelt_setting_is_refused():
    with pytest.raises(msgspec.ValidationError, match="max_lenght"):
        msgspec.json.decode(b'{"max_lenght": 64}', type=TextSettings)
