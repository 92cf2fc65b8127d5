"""Importing this module raises MissingExtra unless the extra `analysis` is installed."""

from agents.runtime.extras import require

require(
    "analysis",
    "holidays",
    "matplotlib",
    "openpyxl",
    "pyarrow",
    "scipy",
    "skops",
    "sklearn",
    "threadpoolctl",
)
