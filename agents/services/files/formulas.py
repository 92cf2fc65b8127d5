"""Cells that a spreadsheet would run as formulas."""

_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def escape_formula(text: str) -> str:
    """The text in a form that a spreadsheet only shows; for exports, never for data that is kept."""
    return f"'{text}" if text.startswith(_RUNS) else text
