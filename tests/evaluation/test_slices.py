import numpy as np
import pytest
from records import prediction

from sentire.evaluation.slices import DIMENSIONS, parts


@pytest.mark.parametrize(
    ("dimension", "yes", "no"),
    [
        pytest.param(
            "negation",
            ["This isn't good", "No wifi", "一点都不好用", "没人理我", "我從未失望", "别买"],
            ["It was fine", "Notable work", "真不错", "不仅便宜，味道也好", "特别好", "别人都说好"],
            id="negation",
        ),
        pytest.param(
            "contrast",
            [
                "Nice, but slow",
                "Although old, it works",
                "便宜，但是难用",
                "雖然貴",
                "外观好，不过慢",
            ],
            ["A button is loose", "butter was good", "非常好", "只有一个"],
            id="contrast",
        ),
        pytest.param(
            "question", ["Why?", "几点开门？", "有货吗"], ["Ask me", "吗啡"], id="question"
        ),
        pytest.param(
            "emoji",
            ["好😂", "ok :)", "I <3 it", "开心[哈哈]", "❤"],
            ["at 10:30", "f(x)"],
            id="emoji",
        ),
        pytest.param(
            "sarcasm marker",
            ["Oh great, another update", "sure /s", "呵呵", "我也是醉了"],
            ["great", "I like it /slow"],
            id="sarcasm",
        ),
    ],
)
def test_markers_are_found_where_they_stand_and_not_inside_other_words(dimension, yes, no):
    part_of = DIMENSIONS[dimension]
    assert [t for t in yes if part_of(prediction(t)) != "yes"] == []
    assert [t for t in no if part_of(prediction(t)) != "no"] == []


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("房间太小，服务态度也很差", "simplified"),
        ("房間太小，服務態度也很差", "traditional"),
        ("我很失望", None),
        ("Nothing Chinese", None),
        ("台灣的滷肉飯真好吃", "traditional"),
    ],
)
def test_script_is_told_by_characters_that_one_standard_lacks(text, script):
    assert DIMENSIONS["script"](prediction(text)) == script


@pytest.mark.parametrize(
    ("tokens", "name"),
    [
        (15, "1 to 15 tokens"),
        (16, "16 to 40 tokens"),
        (128, "41 to 128 tokens"),
        (129, "over 128 tokens"),
    ],
)
def test_lengths_have_no_gaps(tokens, name):
    assert DIMENSIONS["length"](prediction(tokens=tokens)) == name


def test_a_part_says_whether_it_tells_anything():
    answers = [prediction("not", code="en")] * 200 + [prediction("fine", code="en")] * 200
    answers += [prediction("fine", code=code) for code in ("fr", "und", "jv")]
    right = np.array([True] * 100 + [False] * 100 + [True] * 190 + [False] * 10 + [True] * 3)
    found = {(p.dimension, p.name): p for p in parts(answers, right)}
    assert found["negation", "yes"].verdict == "lower"
    assert found["negation", "no"].verdict == "higher"
    assert found["language", "other"].verdict == "few"
    assert found["language", "other"].n == 3
    assert found["language", "en"].verdict == "like the rest"
    assert found["negation", "yes"].n == 200
    assert found["negation", "yes"].accuracy.value == 0.5
    assert not [p for p in found.values() if p.dimension == "emoji"], "all texts are alike there"


def test_sources_are_a_dimension_where_there_are_several():
    answers = [prediction()] * 4
    found = parts(answers, np.array([True, False, True, True]), sources=["a", "a", "b", "b"])
    assert [(p.name, p.n) for p in found if p.dimension == "source"] == [("a", 2), ("b", 2)]
