"""Why something is not there: as the journal has it, from this run or an earlier one."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Row

from agents.runtime.context import runtime
from agents.runtime.journal.queries import named
from agents.runtime.model.lifecycle import State

MOST_ASKED, MOST_NAMES = 1_000, 3


async def failure_reasons(
    scenario: str, wanted: Mapping[str, str], gone: str = ""
) -> dict[str, str]:
    """The reasons by the names of the items that share them; `wanted` has names by keys.

    `gone` is the reason for a completed item; without it, completed items are left out.
    """
    names: dict[str, list[str]] = {}
    for row in await named(runtime().journal, scenario, sorted(wanted)[:MOST_ASKED]):
        if reason := gone if row.state == State.COMPLETED else _reason(row):
            names.setdefault(reason, []).append(wanted[row.key])
    return {_listed(sorted(those)): reason for reason, those in names.items()}


def _reason(row: Row[Any]) -> str:
    return orjson.loads(row.failure)["error"] if row.failure else f"is {row.state}"


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
