"""Keys inside other keys, written with dots: ``data.text``."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

ABSENT = object()
"""Stands for a value that is not there; None is one that is."""


def nested_value(fields: Mapping[str, Any], path: str) -> object:
    """Value at the end of a path, or ``ABSENT``.

    Parameters
    ----------
    fields : the columns of a row
    path : str
        Keys with dots between them. A key that holds the dots itself wins.

    Examples
    --------
    >>> nested_value({"data": {"text": "fine"}}, "data.text")
    'fine'
    """
    if path in fields:
        return fields[path]
    first, _, rest = path.partition(".")
    inner = fields.get(first)
    return nested_value(inner, rest) if rest and isinstance(inner, Mapping) else ABSENT


def nested_type(types: Mapping[str, pa.DataType], path: str) -> pa.DataType | None:
    """Type at the end of a path through the structs of a table; None where there is none.

    Parameters
    ----------
    types : column name -> pyarrow.DataType
    path : str
        Names with dots between them. A column that holds the dots itself wins.
    """
    if path in types:
        return types[path]
    first, _, rest = path.partition(".")
    inner = types.get(first)
    if not rest or inner is None or not pa.types.is_struct(inner):
        return None
    return nested_type({field.name: field.type for field in inner}, rest)
