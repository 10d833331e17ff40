import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentire.text.normalize import NormalizationSettings, Normalizer

normalize = Normalizer()


def test_a_chinese_account_name_ends_at_a_colon_of_either_width():
    assert normalize("//@小米客服: 好").text == "//@user: 好"
    assert normalize("//@小米客服：好").text == "//@user：好"
    assert normalize("@小米手机太差了").text == "@小米手机太差了"


# Arbitrary Unicode with lone surrogates, and texts dense with what the rules replace.
ANY = st.text(st.characters())
REPLACED = [
    *(
        "&amp;",
        "&quot;",
        "&#128514;",
        "http://a.b/c",
        "@user_1",
        "@小米:",
        "e\u0301",
        "１２",
        "ＡＢ",
    ),
    *("!!!!!!", "\u200b", "\u200d", "\ud800", "好", "a", "😂", " ", "  ", "\t", "\r\n\n"),
]
DENSE = st.lists(st.sampled_from(REPLACED), max_size=30).map("".join)
TEXTS = st.one_of(ANY, DENSE)


@pytest.mark.parametrize(
    ("given_text", "read"),
    [
        pytest.param("plain 好", "plain 好", id="nothing to change"),
        pytest.param("see https://t.co/x?a=1.", "see http.", id="a URL, without its full stop"),
        pytest.param("@jack 好", "@user 好", id="an account name"),
        pytest.param("@小米手机太差了", "@小米手机太差了", id="words are not taken for a name"),
        pytest.param("&quot;a&quot; &amp;amp;", '"a" &amp;', id="entities, decoded once"),
        pytest.param("sooooooo 66666", "sooo 66666", id="repeats, digits excepted"),
        pytest.param("ＡＢＣ１２！", "ABC12！", id="full width, punctuation excepted"),
        pytest.param("cafe\u0301", "café", id="a combining accent"),
        pytest.param("a\r\n \n b\t\tc", "a\nb c", id="blanks"),
        pytest.param("zero\u200bwidth\ufeff", "zerowidth", id="invisible characters"),
        pytest.param("\ud83d x", "\ufffd x", id="a lone surrogate"),
    ],
)
def test_equal_texts_become_equal(given_text, read):
    assert normalize(given_text).text == read


def test_a_switched_off_rule_does_nothing():
    off = Normalizer(NormalizationSettings(entities=False, placeholders=False, max_repeat=0))
    text = "@jack &amp; https://t.co/x sooooo"
    assert off(text).text == text


@settings(deadline=None)
@given(TEXTS)
def test_source_spans_are_monotone_and_within_bounds(text):
    normalized = normalize(text)
    last = (0, 0)
    for index in range(len(normalized.text)):
        start, end = normalized.source_span(index, index + 1)
        assert 0 <= start <= end <= len(text)
        assert start >= last[0]
        assert end >= last[1]
        last = start, end


@settings(deadline=None)
@given(TEXTS)
def test_source_spans_are_exact_where_nothing_changed(text):
    normalized = normalize(text)
    edited = {i for edit in normalized.edits for i in range(edit.start, edit.end)}
    for index in set(range(len(normalized.text))) - edited:
        start, end = normalized.source_span(index, index + 1)
        assert text[start:end] == normalized.text[index]


@settings(deadline=None)
@given(TEXTS)
def test_edits_and_the_rest_rebuild_both_texts(text):
    normalized = normalize(text)
    read = written = 0
    for edit in normalized.edits:
        assert text[read : edit.source_start] == normalized.text[written : edit.start]
        read, written = edit.source_end, edit.end
    assert text[read:] == normalized.text[written:]


@settings(deadline=None)
@given(TEXTS)
def test_the_result_can_be_encoded(text):
    normalize(text).text.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "read", "original"),
    [
        pytest.param("a &amp; b", "&", "&amp;", id="an entity is one stretch"),
        pytest.param("x https://t.co/x y", "http", "https://t.co/x", id="a URL"),
        pytest.param("a\u200bb c", "b c", "b c", id="behind something removed"),
        pytest.param("soooooo ok", "ok", "ok", id="behind a shortened run"),
    ],
)
def test_a_span_leads_back_to_what_it_was_read_from(text, read, original):
    normalized = normalize(text)
    at = normalized.text.index(read)
    start, end = normalized.source_span(at, at + len(read))
    assert text[start:end] == original


def test_an_empty_span_stays_empty():
    assert normalize("a &amp; b").source_span(2, 2) == (2, 2)
