"""Cells of CSV become numbers only where they could be written back as they were."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentire.io.numerals import Numerals, read_numbers

INT, FLOAT, TEXT = pa.int64(), pa.float64(), pa.string()


def kind_of(*cells):
    numerals = Numerals()
    for cell in cells:
        numerals.add([cell])
    return numerals.kind


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        pytest.param(["1", "-20", "0"], INT, id="integers"),
        pytest.param(["1", "", None], INT, id="with gaps"),
        pytest.param(["1", "2.5"], FLOAT, id="integers and decimals"),
        pytest.param(["1.0", "2.5", "1e-05"], FLOAT, id="as Python writes them"),
        pytest.param(["4.50", "12.00", "-0.05"], FLOAT, id="prices"),
        pytest.param(["0.8731234567890123", "0.5"], FLOAT, id="all digits of a float"),
        pytest.param(["13800138000"], INT, id="a mobile number, which loses nothing"),
        pytest.param(["010000", "200000"], TEXT, id="postal codes"),
        pytest.param(["02112345678"], TEXT, id="a phone number with an area code"),
        pytest.param(["+8613800138000"], TEXT, id="a phone number with a country code"),
        pytest.param(["110101199003074258"], TEXT, id="more digits than a float keeps"),
        pytest.param(["3.9", "3.10"], TEXT, id="versions"),
        pytest.param(["1.5", "1.50"], TEXT, id="two spellings of one number"),
        pytest.param(["4", "4.0"], TEXT, id="an integer and a decimal of one number"),
        pytest.param(["1e5"], TEXT, id="an article number"),
        pytest.param(["-0"], TEXT, id="minus nothing"),
        pytest.param(["1,000"], TEXT, id="thousands"),
        pytest.param(["12%"], TEXT, id="per cent"),
        pytest.param([" 1"], TEXT, id="a blank"),
        pytest.param(["１２"], TEXT, id="wide digits"),
        pytest.param(["nan"], TEXT, id="no number"),
        pytest.param(["1_000"], TEXT, id="an underscore"),
        pytest.param(["1", "a"], TEXT, id="a text"),
        pytest.param(["1", 2], TEXT, id="no cell of CSV"),
        pytest.param(["", None], TEXT, id="nothing"),
    ],
)
def test_a_column_is_one_of_numbers_only_without_loss(cells, kind):
    assert kind_of(*cells) == kind
    assert kind_of(*reversed(cells)) == kind


number = st.one_of(
    st.integers(-(10**17), 10**17).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-1000, 1000, places=2).map(str),
    st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{0,3})?", fullmatch=True),
)


@settings(deadline=None)
@given(st.lists(number, min_size=2, max_size=6))
def test_different_cells_never_become_one_number(cells):
    kind = kind_of(*cells)
    if kind == TEXT:
        return
    numbers = read_numbers(cells, kind).to_pylist()
    assert None not in numbers
    assert len({repr(n) for n in numbers}) == len(set(cells))


def test_what_is_no_numeral_becomes_null():
    assert read_numbers(["4", None, "", "007", "4.5", 3], INT).to_pylist() == [4, *[None] * 5]
    assert read_numbers(["4", "4.5", "x"], FLOAT).to_pylist() == [4.0, 4.5, None]
