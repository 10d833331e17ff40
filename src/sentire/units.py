"""Amounts as people read them."""


def format_bytes(n_bytes: float) -> str:
    """Write a number of bytes with its unit.

    Parameters
    ----------
    n_bytes : float
        At least 0.

    Examples
    --------
    >>> format_bytes(31_400_000), format_bytes(2.5e9)
    ('31 MB', '2.5 GB')
    """
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
