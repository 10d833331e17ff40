import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentire.text.segment import find_spans, segment

MARKS = st.text(st.sampled_from('aA1 .。!！?？…,，;；但是却but"”)(\n😂\t'), max_size=200)


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in segment(text)]


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(["房间很大。", "服务太差了！", "真的？", "是；", "好"], id="Chinese marks"),
        pytest.param(["It is big.", "Too big!", "Really?", "yes"], id="English marks"),
        pytest.param(["他说：“太好了！”", "然后走了。"], id="closing quotes stay"),
        pytest.param(["好吃……", "下次再来。。。", "真的?!", "太棒了!!!😂😂", "下次"], id="runs"),
        pytest.param(["wait... what?", "Well...", "I see"], id="an ellipsis may be a pause"),
        pytest.param(["Mr. Lee met Dr. Wu vs. Prof. Xu.", "Good."], id="titles"),
        pytest.param(["J. K. Rowling wrote it.", "So did I.", "He knows"], id="initials"),
        pytest.param(["U.S. Army is big.", "I live in the U.S.", "The rest"], id="U.S."),
        pytest.param(["Some, e.g. this one, i.e. that.", "Ok"], id="e.g. and i.e."),
        pytest.param(["Shoes, bags, etc. are cheap.", "Phones etc.", "They broke."], id="etc."),
        pytest.param(["It cost 3.50 for v2.0.1.", "Cheap."], id="decimals and versions"),
        pytest.param(["See https://a.b/c?x=1!y.", "Next at example.com."], id="URLs"),
        pytest.param(["No. 5 is good.", "Is it?", "No.", "I hate it."], id="number or no"),
        pytest.param(["1. Great battery.", "2. Bad screen."], id="list items"),
        pytest.param(["很好.", "下次再来"], id="a full stop between Han characters"),
        pytest.param(["房间很大，", "但是服务太差了。"], id="但是"),
        pytest.param(["味道不错，", "服务却很慢"], id="却 behind its subject"),
        pytest.param(["还行,", "不过有點貴，", "可是好吃，", "然而吵"], id="other turns"),
        pytest.param(["不过如此，不过如此"], id="不过如此 is no turn"),
        pytest.param(["The food was great,", "but the service was slow."], id="but"),
        pytest.param(["I like it;", "however, it broke,", "yet I kept it"], id="however, yet"),
        pytest.param(["Not only good, but also cheap."], id="but also is no turn"),
        pytest.param(["great food .", "i love it .", "so slow"], id="marks set apart"),
    ],
)
@pytest.mark.parametrize("blank", [True, False], ids=["blank between", "none between"])
def test_sentences_end_where_a_reader_ends_them(expected, blank):
    latin = all(part.isascii() for part in expected)
    joint = " " if blank else "\n" if latin else ""
    assert parts(joint.join(expected)) == expected


def test_offsets_are_those_of_the_text():
    assert segment("房间很大，但是服务太差了。") == [(0, 5), (5, 13)]
    assert segment("  Good.  \n Bad. ") == [(2, 7), (11, 15)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("The food was great ", "but the service was slow", id="but"),
        pytest.param("I stayed a week ", "even though it was loud.", id="even though"),
        pytest.param("贵", "但好吃", id="但"),
        pytest.param("只是有点吵", "但是性价比很高", id="但是"),
        pytest.param("房间很大，", "不过服务太差了。", id="behind a comma"),
    ],
)
def test_a_contrast_needs_no_comma_and_is_told_from_a_sentence(first, second):
    assert parts(first + second) == [first.strip(), second]
    assert [span.contrast for span in find_spans(first + second)] == [False, True]
    assert [span.contrast for span in find_spans(f"好。{first}{second}")] == [False, False, True]
    assert [span.contrast for span in find_spans(f"好。 {second}")] == [False, False]


@pytest.mark.parametrize(
    "text",
    [
        "This is nothing but good.",
        "Not only good but also cheap.",
        "All but one broke.",
        "Last but not least it is cheap.",
        "It looks as though it broke.",
        "I like it though.",
        "不但好吃而且便宜",
        "我在读但丁的书",
    ],
)
def test_what_only_looks_like_a_contrast_is_one_sentence(text):
    assert parts(text) == [text]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u3000"])
def test_a_blank_text_has_no_sentence(text):
    assert segment(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("好吃！ 😂😂 再来", ["好吃！", "😂😂 再来"], id="emoji open a sentence"),
        pytest.param("好吃！\n😂😂", ["好吃！\n😂😂"], id="emoji alone join what stands before"),
        pytest.param("！！！\n好吃", ["！！！\n好吃"], id="marks alone join what stands behind"),
        pytest.param("...", ["..."], id="nothing but marks"),
        pytest.param('He said "Great!" and left.', ['He said "Great!" and left.'], id="quoted"),
    ],
)
def test_a_sentence_has_words(text, expected):
    assert parts(text) == expected


@settings(deadline=None)
@given(st.one_of(st.text(st.characters()), MARKS))
def test_every_character_is_in_one_sentence(text):
    spans = segment(text)
    covered = [i for start, end in spans for i in range(start, end)]
    assert covered == sorted(set(covered))
    assert {i for i, character in enumerate(text) if not character.isspace()} <= set(covered)
    for start, end in spans:
        assert text[start:end] == text[start:end].strip() != ""


UNITS = [
    *(
        "好",
        "a",
        ".",
        ". ",
        "Mr. ",
        "，",
        ",却",
        "!",
        '("!',
        "http://",
        "www.",
        "1. ",
        "!😂",
        "\n",
        " ",
    ),
    *("，好好好好好好好", "？a", "... a", "…"),
]


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_the_length_only(unit):
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    segment(text)
    # A quadratic scan of 200,000 characters would take minutes; this one takes some 0.2 s.
    assert time.perf_counter() - started < 10
