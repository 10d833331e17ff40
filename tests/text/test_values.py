import collections
import pathlib
import pickle

import numpy as np
import pyarrow
import pytest

from sentire.errors import InputError, NotTexts
from sentire.text.values import plain, texts_in

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")

TEXTS = ["很好用", None, "Terrible."]
TABLE = {"id": [1, 2, 3], "text": TEXTS}


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(TEXTS, id="list"),
        pytest.param((text for text in TEXTS), id="generator"),
        pytest.param(dict.fromkeys(TEXTS).keys(), id="keys on purpose"),
        pytest.param(pandas.Series(TEXTS), id="pandas"),
        pytest.param(pandas.Series(TEXTS, dtype=object), id="pandas, objects"),
        pytest.param(pandas.Series(TEXTS, dtype="string"), id="pandas, pandas.NA"),
        pytest.param(pandas.Series(TEXTS, dtype="category"), id="pandas, categories"),
        pytest.param(pandas.Index(TEXTS), id="pandas, index"),
        pytest.param(pandas.DataFrame(TABLE)["text"], id="pandas, of a frame"),
        pytest.param(polars.Series(TEXTS), id="polars"),
        pytest.param(polars.DataFrame(TABLE)["text"], id="polars, of a frame"),
        pytest.param(pyarrow.array(TEXTS), id="Arrow"),
        pytest.param(pyarrow.array(TEXTS, pyarrow.large_string()), id="Arrow, large"),
        pytest.param(pyarrow.array(TEXTS).dictionary_encode(), id="Arrow, dictionary"),
        pytest.param(pyarrow.table(TABLE)["text"], id="Arrow, chunked"),
        pytest.param(list(pyarrow.array(TEXTS)), id="Arrow, scalars"),
        pytest.param(np.array(TEXTS, object), id="NumPy, objects"),
        pytest.param(["很好用", float("nan"), np.str_("Terrible.")], id="NaN, numpy.str_"),
        pytest.param(["很好用", np.float32("nan"), "Terrible."], id="NaN of NumPy"),
    ],
)
def test_a_column_gives_plain_texts_and_none_for_what_is_missing(column):
    found = list(texts_in(column, call="analyze_many"))
    assert found == TEXTS
    assert [type(text) for text in found] == [str, type(None), str]


def test_an_array_of_texts_gives_them():
    found = list(texts_in(np.array(["a", "bc"]), call="analyze_many"))
    assert found == ["a", "bc"]
    assert {type(text) for text in found} == {str}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        pytest.param("很好用", "analyze_many([text])", id="str"),
        pytest.param(np.str_("good"), "analyze_many([text])", id="numpy.str_"),
        pytest.param(pyarrow.scalar("good"), "analyze_many([text])", id="Arrow scalar"),
        pytest.param(b"good", "analyze_many([data.decode()])", id="bytes"),
        pytest.param({"text": "good"}, "analyze_many(texts.values())", id="dict"),
        pytest.param(collections.Counter("good"), "analyze_many(texts.values())", id="mapping"),
        pytest.param(pandas.DataFrame(TABLE), 'analyze_many(frame["text"])', id="pandas"),
        pytest.param(polars.DataFrame(TABLE), 'analyze_many(frame["text"])', id="polars"),
        pytest.param(
            polars.LazyFrame(TABLE), 'analyze_many(frame.collect()["text"])', id="polars, lazy"
        ),
        pytest.param(pyarrow.table(TABLE), 'analyze_many(frame["text"])', id="Arrow table"),
        pytest.param(
            pyarrow.record_batch(TABLE), 'analyze_many(frame["text"])', id="Arrow record batch"
        ),
        pytest.param(np.array([["a", "b"]]), "analyze_many(array[:, 0])", id="NumPy, 2-D"),
        pytest.param(np.array("a"), "0 dimensions", id="NumPy, 0-D"),
        pytest.param(5, "holds no texts", id="number"),
        pytest.param(None, "holds no texts", id="None"),
        pytest.param(pathlib.Path("reviews.csv"), "holds no texts", id="path"),
    ],
)
def test_what_would_be_read_by_letters_keys_or_columns_is_refused_at_once(texts, said):
    with pytest.raises(TypeError) as caught:
        texts_in(texts, call="analyze_many")
    assert said in str(caught.value)
    assert isinstance(caught.value, InputError)
    assert type(pickle.loads(pickle.dumps(caught.value))) is NotTexts


@pytest.mark.parametrize("value", [5, 0.5, b"bytes", [], object()])
def test_what_is_no_text_stays_as_it_is(value):
    assert plain(value) is value
