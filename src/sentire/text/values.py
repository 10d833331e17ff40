"""What a caller gives where texts are meant: a list, an iterator, a column.

Columns of pandas, polars, Arrow and NumPy are told by what they offer; none is imported.

Reads:   any iterable, any value
Gives:   the values one by one, as plain as they can be; a refusal of what is no row of texts
Never:   judges a value; the text path does, and keeps its place
"""

import math
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from numbers import Real

from sentire.errors import NotTexts

_NO_VALUE = {"NAType", "NaTType"}
"""Types of pandas for a missing value."""


def texts_in(texts: Iterable[object], *, call: str) -> Iterator[object]:
    """Give the values of an iterable, each as :func:`plain` makes it.

    Parameters
    ----------
    texts : iterable of object
        Read as it is asked for.
    call : str
        The function that the caller called, for the message.

    Raises
    ------
    NotTexts
        At once, where ``texts`` is a single text, or holds something else than texts.
    """
    check_texts(texts, call=call)
    return map(plain, texts)


def check_texts(texts: Iterable[object] | AsyncIterable[object], *, call: str) -> None:
    """Refuse what would be read by its letters, keys, column names or rows.

    Parameters
    ----------
    texts : iterable or asynchronous iterable of object
    call : str
        The function that the caller called, for the message.

    Raises
    ------
    NotTexts
        It is one text, a mapping, a data frame, a table of several dimensions, or no iterable.
    """
    kind = f"{type(texts).__module__.partition('.')[0]}.{type(texts).__name__}"
    kind = kind.removeprefix("builtins.")
    value = plain(texts)
    if isinstance(value, str):
        raise NotTexts(f"a {kind}, one text", f"Put it into a list: {call}([text])")
    if isinstance(value, bytes | bytearray | memoryview):
        raise NotTexts(f"a {kind}", f"Decode it and put it into a list: {call}([data.decode()])")
    if isinstance(texts, Mapping):
        raise NotTexts(f"a {kind}, whose keys are not its texts", f"Pass {call}(texts.values())")
    if hasattr(type(texts), "columns"):
        frame = "frame.collect()" if hasattr(type(texts), "collect") else "frame"
        raise NotTexts(f"a {kind} of columns", f'Pass one of them: {call}({frame}["text"])')
    if getattr(texts, "ndim", 1) != 1:
        raise NotTexts(
            f"a {kind} of {texts.ndim} dimensions",  # type: ignore[union-attr]
            f"Pass one column: {call}(array[:, 0])",
        )
    if not isinstance(texts, Iterable | AsyncIterable):
        raise NotTexts(f"a {kind}, which holds no texts", f"Pass a list of them: {call}([text])")


def plain(value: object) -> object:
    """Give a text as a ``str`` that can be written, and a missing value as None.

    Scalars of Arrow and NumPy become Python's own; lone surrogates, which no UTF-8 can hold, are
    replaced, and a pair of them becomes its character. What is no text stays as it is.
    """
    if type(value).__module__.startswith("pyarrow") and hasattr(value, "as_py"):
        value = value.as_py()
    if isinstance(value, str):
        text = str.__str__(value)  # of numpy.str_ and other kinds of str
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text
    is_nan = isinstance(value, Real) and math.isnan(value)
    return None if is_nan or type(value).__name__ in _NO_VALUE else value


def kind_of(value: object) -> str:
    """Name what a value is, in words that fit JSON and tables as well as Python."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return f"of type {type(value).__name__}"
