"""The measured part of the page of results, as text."""

import os
import platform
from collections.abc import Iterator, Mapping
from typing import Any

BEGINS, ENDS = "<!-- measured -->\n", "<!-- end -->\n"
MET = {True: "yes", False: "**no**", None: ""}
HEAD = "| row | figure | median | rounds | goal | met |\n| --- | --- | --- | --- | --- | --- |\n"


def table(rows: Mapping[str, Mapping[str, Any]], picture: str) -> str:
    """The rows with their figures, and when each was measured."""
    cores = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    when = "".join(f"| {name} | {line} |\n" for name, row in rows.items() for line in [_when(row)])
    return (
        f"{cores}. Of each figure the median of its rounds, and the lowest and the highest.\n\n{HEAD}"
        f"{''.join(_lines(rows))}\n"
        f'<img src="{picture}" width="700" alt="Goals, and steps a second beside the peers">\n\n'
        f"| row | measured |\n| --- | --- |\n{when}"
    )


def _when(row: Mapping[str, Any]) -> str:
    return (
        f"{row['at']}, {row['orders']:,} orders, load {row['load']} before it, {row['seconds']} s"
    )


def _lines(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, row in rows.items():
        if "failed" in row:
            yield f"| {name} | failed | {row['failed'].replace('|', '/')} | | | |\n"
        for one in row.get("figures", ()):
            some = [one["name"], _number(one["median"]), _spread(one), one["goal"], MET[one["met"]]]
            yield f"| {name} | {' | '.join(some)} |\n"


def _spread(one: Mapping[str, Any]) -> str:
    return f"{_number(one['low'])} to {_number(one['high'])}" if one["rounds"] > 1 else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"


def written(before: str, text: str) -> str:
    """The page with the measured part replaced. Raises ValueError if the page has none."""
    head, _, rest = before.partition(BEGINS)
    _, found, tail = rest.partition(ENDS)
    if not found:
        raise ValueError("the page has no measured part")
    return f"{head}{BEGINS}{text}{ENDS}{tail}"
