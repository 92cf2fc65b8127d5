"""Reopening: an item that ended undone compensates effects that were found at a provider afterwards."""

from collections.abc import Mapping

from sqlalchemy import update

from agents.runtime.journal import Journal
from agents.runtime.journal.operator_actions import OperatorAction, apply_event, find_locked
from agents.runtime.journal.schema import effects, steps
from agents.runtime.model.item import SUPERSEDED
from agents.runtime.model.lifecycle import Event


async def reopen(
    journal: Journal, action: OperatorAction, sequence: int, found: Mapping[str, str]
) -> bool:
    """Let an item that ended undone compensate the effects that were found, each under a new key.

    `found` maps the agent of each effect to its compensation. Other compensations keep their
    outcome. Returns False if the item's history has grown beyond `sequence`, at which the effects
    were found. Raises UnknownItem, and IllegalTransition if the item did not end undone.
    """
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        if row.sequence != sequence:
            return False
        reset = dict.fromkeys(("outcome", "ended_at", "retry_at", "waiting_since", "decision"))
        facts = {"found": sorted(found)}
        await apply_event(connection, row, Event.REOPEN, action, facts, crash_count=0, **reset)
        await connection.execute(
            update(effects)
            .where(effects.c.item == row.id, effects.c.agent.in_(found))
            .where(effects.c.status == "refused")
            .values(status="intended")
        )
        await connection.execute(
            update(steps)
            .where(steps.c.item == row.id, steps.c.agent.in_(found.values()))
            .where(steps.c.status == "done")
            .values(status=SUPERSEDED)
        )
    return True
