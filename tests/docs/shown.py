"""Whether what a page shows is what was really said, with numbers rounded as the page rounds them.

A number may differ by one in its last shown place: engines and processors round differently.
"""

import json
import re
from decimal import Decimal

_NUMBER = re.compile(r"\d+\.\d+")


def same_text(shown: str, real: str) -> bool:
    """Whether two texts say the same; ``shown`` may round its numbers."""
    if _NUMBER.sub("#", shown).strip() != _NUMBER.sub("#", real).strip():
        return False
    pairs = zip(_NUMBER.findall(shown), _NUMBER.findall(real), strict=True)
    return all(_near(Decimal(mine), Decimal(theirs)) for mine, theirs in pairs)


def same_json(shown: str, real: str) -> bool:
    """Whether two JSON values say the same; ``shown`` may end strings with an ellipsis."""
    return _same(*(json.loads(text, parse_float=Decimal) for text in (shown, real)))


def _same(shown: object, real: object) -> bool:
    match shown:
        case dict():
            return (
                isinstance(real, dict)
                and list(shown) == list(real)
                and all(_same(value, real[name]) for name, value in shown.items())
            )
        case list():
            return (
                isinstance(real, list) and len(shown) == len(real) and all(map(_same, shown, real))
            )
        case Decimal():
            return isinstance(real, Decimal) and _near(shown, real)
        case str() if shown.endswith("…"):
            return isinstance(real, str) and real.startswith(shown[:-1])
    return type(shown) is type(real) and shown == real


def _near(shown: Decimal, real: Decimal) -> bool:
    unit = Decimal(1).scaleb(int(shown.as_tuple().exponent))
    return abs(shown - real) <= unit
