import pytest
from shown import same_json, same_text

REAL = '{"label": "positive", "score": 0.799246, "model": {"digest": "sha256:40b7"}, "n": [1, 2]}'


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        pytest.param(REAL, True, id="itself"),
        pytest.param(REAL.replace("0.799246", "0.80"), True, id="rounded"),
        pytest.param(REAL.replace("0.799246", "0.79"), True, id="rounded by another processor"),
        pytest.param(REAL.replace("0.799246", "0.82"), False, id="another score"),
        pytest.param(REAL.replace("40b7", "…"), True, id="an ellipsis"),
        pytest.param(REAL.replace("positive", "neutral"), False, id="another label"),
        pytest.param(REAL.replace("[1, 2]", "[1, 3]"), False, id="another count"),
        pytest.param(REAL.replace("[1, 2]", "[1]"), False, id="shorter"),
        pytest.param(REAL.replace(', "n": [1, 2]', ""), False, id="a key is left out"),
    ],
)
def test_an_answer_is_the_real_one_with_its_numbers_rounded(shown, same):
    assert same_json(shown, REAL) is same


@pytest.mark.parametrize(
    ("shown", "same"),
    [("a 0.80\n", True), ("a 0.82\n", False), ("b 0.80\n", False), ("a 0.80 0.1\n", False)],
)
def test_a_text_is_the_real_one_with_its_numbers_rounded(shown, same):
    assert same_text(shown, "a 0.799\n") is same
