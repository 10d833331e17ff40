"""Cells that stand for a missing value, in formats that have no value of their own for it.

Reads:   the text of a cell of CSV, TSV or a workbook
Gives:   whether nothing was answered there
Never:   looks at formats with a null of their own: a string "None" in JSON is a text
"""

import re

_NAN = ("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN")
_WRITTEN = frozenset({"null", "NULL", "None", "NA", "N/A", "n/a", "<NA>", "#NA", *_NAN})
"""How pandas, R, databases and Python write that a value is missing; pandas reads the same."""
_SPREADSHEET = re.compile(
    r"#(?:REF|VALUE|DIV/0|NAME|NUM|NULL|SPILL|CALC|FIELD|BLOCKED|CONNECT|UNKNOWN|BUSY|PYTHON)[!?]"
    r"|#N/A(?: N/A)?|#GETTING_DATA|Err:\d{3}"
)
"""Errors of Excel, LibreOffice and Google Sheets."""
_LONGEST = 16


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value.

    Parameters
    ----------
    cell : str
        Blanks around it don't count. The empty cell is not among them: it is an empty text.

    Examples
    --------
    >>> [is_missing(cell) for cell in ("NaN", "#REF!", "None of it was good", "")]
    [True, True, False, False]
    """
    if len(cell) > 4 * _LONGEST:
        return False
    cell = cell.strip()
    return cell in _WRITTEN or _SPREADSHEET.fullmatch(cell) is not None
