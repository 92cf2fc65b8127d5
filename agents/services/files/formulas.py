"""Cells that a spreadsheet would run instead of show."""

_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def escape_formula(text: str) -> str:
    """The text as a spreadsheet will only show it; for exports, never for data we keep."""
    return f"'{text}" if text.startswith(_RUNS) else text
