import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.errors import SourceError
from sentire.io.columns import find_text_column, output_name, unique_names, weigh_values


@pytest.mark.parametrize(
    ("row", "found"),
    [
        pytest.param({"id": "1", "Review": "good"}, "Review", id="a well-known name in any case"),
        pytest.param({"编号": "1", "评论": "很好", "标题": "好"}, "评论", id="a Chinese name"),
        pytest.param({"id": 1, "words": "good"}, "words", id="the one column of strings"),
        pytest.param({"id": "17", "x": "good"}, "x", id="strings of digits are no text"),
        pytest.param({"only": None}, "only", id="the one column there is"),
        pytest.param({"text": 5, "remark": "fine"}, "remark", id="a name without strings"),
    ],
)
def test_the_obvious_column_is_found(row, found):
    assert find_text_column(list(row), weigh_values(row, [row]), asked=None, name="f") == found


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"title": "a", "summary": "b"}, id="two columns of strings"),
        pytest.param({"text": "a", "comment": "b"}, id="two well-known names"),
        pytest.param({"a": 1, "b": 2}, id="no column of strings"),
    ],
)
def test_what_is_not_obvious_is_asked_for(row):
    with pytest.raises(SourceError, match=rf"{', '.join(row)}.*--text-column"):
        find_text_column(list(row), weigh_values(row, [row]), asked=None, name="f.csv")


def test_a_wrong_column_is_answered_with_those_there_are():
    with pytest.raises(SourceError, match=r"no column 'txt'.*It has: id, text"):
        find_text_column(["id", "text"], {}, asked="txt", name="f.csv")


@given(st.lists(st.text(max_size=3), max_size=8))
def test_names_become_unique_and_keep_their_number(names):
    unique = unique_names(names)
    assert len(set(unique)) == len(unique) == len(names)


@given(st.sets(st.sampled_from(["label", "score", "id"]).map(str)), st.integers(0, 3))
def test_carried_columns_never_meet_an_answer_or_each_other(names, depth):
    answers = ("label", "score")
    columns = names | {"input_" * n + name for name in names for n in range(depth + 1)}
    carried = [output_name(column, answers) for column in columns]
    assert len(set(carried)) == len(carried)
    assert not set(carried) & set(answers)
