"""Every call of an analyzer that takes texts takes columns, and refuses what holds none."""

import asyncio

import pyarrow
import pytest

import sentire

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")

TEXTS = ["很好用", None, "Terrible."]
CALLS = ["analyze_many", "embed_many", "analyze_async"]


def ask(analyzer, call, texts):
    answers = getattr(analyzer, call)(texts)
    return asyncio.run(answers) if call == "analyze_async" else list(answers)


@pytest.fixture(scope="module")
def describing():
    """An analyzer that has an embedding as well."""
    with sentire.load() as analyzer:
        yield analyzer


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "texts",
    [
        pytest.param("很好用", id="str"),
        pytest.param({"text": "很好用"}, id="mapping"),
        pytest.param(pandas.DataFrame({"text": TEXTS}), id="pandas"),
        pytest.param(polars.DataFrame({"text": TEXTS}), id="polars"),
        pytest.param(pyarrow.table({"text": TEXTS}), id="Arrow"),
    ],
)
def test_letters_keys_and_column_names_are_never_scored(describing, call, texts):
    with pytest.raises(TypeError, match=call):
        ask(describing, call, texts)


@pytest.mark.parametrize("call", ["analyze_many", "embed_many"])
def test_the_refusal_comes_from_the_call_and_not_from_the_first_answer(describing, call):
    with pytest.raises(TypeError):
        getattr(describing, call)("很好用")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pandas.Series(TEXTS), id="pandas"),
        pytest.param(polars.Series(TEXTS), id="polars"),
        pytest.param(pyarrow.array(TEXTS), id="Arrow"),
        pytest.param(pyarrow.chunked_array([TEXTS]), id="Arrow, chunked"),
        pytest.param(list(pyarrow.array(TEXTS)), id="Arrow, scalars"),
    ],
)
def test_a_column_is_scored_as_its_list_is(describing, call, column):
    expected, found = ask(describing, call, TEXTS), ask(describing, call, column)
    assert len(found) == len(TEXTS)
    assert found[1] == expected[1]
    assert found[1].error.code == "not_text"
    if call == "embed_many":
        assert (found[0] == expected[0]).all()
    else:
        assert found == expected


def test_a_scalar_of_arrow_is_one_text(tiny_analyzer):
    assert tiny_analyzer.analyze(pyarrow.scalar("很好用")) == tiny_analyzer.analyze("很好用")
