"""Compensating an item once more, when something of it is found outside after it has ended undone."""

from collections.abc import Mapping

from sqlalchemy import update

from agents.runtime.batch import SUPERSEDED
from agents.runtime.journal import Journal
from agents.runtime.journal.interventions import Act, find, shift
from agents.runtime.journal.schema import effects, stages
from agents.runtime.lifecycle import Event


async def reopen(journal: Journal, act: Act, sequence: int, found: Mapping[str, str]) -> bool:
    """Let an item that ended undone undo the effects that were found, each under a new key.

    `found` gives for the agent of each effect the agent that undoes it. Other compensations keep
    their outcome. False if the item has moved since it was looked at, when its history had come to
    `sequence`. Raises UnknownItem, and IllegalTransition for an item that did not end undone.
    """
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        if row.sequence != sequence:
            return False
        nothing = ("outcome", "ended_at", "retry_at", "waiting_since", "decision")
        detail = act.detail(found=sorted(found))
        await shift(connection, row, Event.REOPEN, detail, deaths=0, **dict.fromkeys(nothing))
        await connection.execute(
            update(effects)
            .where(effects.c.item == row.id, effects.c.agent.in_(found))
            .where(effects.c.status == "refused")
            .values(status="intended")
        )
        await connection.execute(
            update(stages)
            .where(stages.c.item == row.id, stages.c.agent.in_(found.values()))
            .where(stages.c.status == "done")
            .values(status=SUPERSEDED)
        )
    return True
