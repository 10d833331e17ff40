"""Tables as plain lines."""

from collections.abc import Sequence

from rich.cells import cell_len


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows as lines, the first column to the left and the others to the right.

    Widths are those on a screen, where a Chinese character takes the room of two letters.

    Parameters
    ----------
    rows : of as many cells each
    """
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        room = [" " * (w - cell_len(cell)) for w, cell in zip(widths, row, strict=True)]
        cells = [space + cell for space, cell in zip(room[1:], row[1:], strict=True)]
        lines.append("  ".join([row[0] + room[0], *cells]).rstrip())
    return lines
