"""Why something is not there: as the journal has it, from this run or an earlier one."""

from collections.abc import Mapping

import orjson

from agents.runtime.context import runtime
from agents.runtime.journal.queries import named
from agents.runtime.model.lifecycle import State

MOST_ASKED, MOST_NAMES = 1_000, 3


async def refusals(scenario: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """The causes by the names of those who share them; `wanted` are names by the keys of items."""
    names: dict[str, list[str]] = {}
    for row in await named(runtime().journal, scenario, sorted(wanted)[:MOST_ASKED]):
        if row.state != State.COMPLETED:
            cause = orjson.loads(row.failure)["error"] if row.failure else f"is {row.state}"
            names.setdefault(cause, []).append(wanted[row.key])
    return {_listed(sorted(those)): cause for cause, those in names.items()}


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
