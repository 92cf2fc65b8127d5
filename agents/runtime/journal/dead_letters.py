"""What people do with dead letters: mend, replay, restart, discard. All of it is in the history."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.batch import SUPERSEDED, Correction, hash_of
from agents.runtime.errors import AgentError, IllegalTransition
from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.interventions import Act, find, made, repeat, shift
from agents.runtime.journal.schema import dead_letters, items, stages
from agents.runtime.lifecycle import Event, State, next_state


class NotReached(AgentError):
    """The item has not been at this agent; `reached` are those it has been at."""

    def __init__(self, key: str, agent: str, reached: Sequence[str]) -> None:
        super().__init__(key, agent, reached)
        self.key, self.agent, self.reached = key, agent, reached

    def __str__(self) -> str:
        known = ", ".join(self.reached) or "none"
        return f"{self.key} has not been at {self.agent!r}; start it again at one of: {known}"


async def mend(journal: Journal, act: Act, correction: Correction) -> None:
    """Give a dead letter another body, already checked; the first one is kept beside it.

    The item stays known by the hash of what was sent: the same source sent again is no conflict.
    Raises UnknownItem, IllegalTransition, and what the scenario raises if it comes too late.
    """
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        next_state(row.key, State(row.state), Event.MEND)
        correction.require(row.body, row.version, await made(connection, row))
        detail = act.detail(before=hash_of(row.body), after=hash_of(correction.body))
        corrected = {"body": correction.body, "version": correction.scenario.version}
        await shift(connection, row, Event.MEND, detail, **corrected)
        await connection.execute(
            update(dead_letters)
            .where(dead_letters.c.item == row.id, dead_letters.c.original.is_(None))
            .values(original=row.body)
        )


async def replay(journal: Journal, act: Act) -> bool:
    """Let a dead letter go on where it stopped, with a fresh budget of attempts.

    A dead compensation goes on compensating, never forward; an item that somebody asked to cancel
    before it died is cancelled now. False if it was replayed already. Raises UnknownItem, and
    IllegalTransition for an item that is not a dead letter.
    """
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        letter = await _letter(connection, row)
        if letter is not None and letter.status == "replayed":
            return False
        letter = _require_open(letter, row, Event.REPLAY)
        fresh: dict[str, Any] = {"retry_at": None, "ended_at": None, "deaths": 0}
        if row.state == State.DEAD_LETTERED:
            fresh["failure"] = None
        else:
            fresh["decision"] = None  # what was rejected is asked again, else it would die again
        await shift(connection, row, Event.REPLAY, act.detail(), **fresh)
        await _mark(connection, row, "replayed")
        await connection.execute(
            update(stages)
            .where(stages.c.item == row.id)
            .where(or_(stages.c.agent == letter.agent, stages.c.status == "delayed"))
            .where(stages.c.status.not_in(("done", SUPERSEDED)))
            .values(attempts=0, status="delayed")
        )
    return True


async def restart(journal: Journal, act: Act, agent: str) -> list[str]:
    """Start a dead letter, or an item that waits, again at an agent it has been at.

    That agent and those after it begin again; effects that happened keep their outcome, since they
    happen once: cancel the item to undo them. Returns the agents that begin again. Raises
    UnknownItem, NotReached, and IllegalTransition for an item that is neither.
    """
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        next_state(row.key, State(row.state), Event.RESTART)
        reached = {
            stage.agent: stage.at
            for stage in await connection.execute(
                select(stages.c.agent, stages.c.at)
                .where(stages.c.item == row.id)
                .order_by(stages.c.at.desc(), stages.c.occurrence.desc())
            )
        }
        if agent not in reached:
            raise NotReached(row.key, agent, sorted(reached, key=lambda name: reached[name]))
        repeated = await repeat(connection, row, since=reached[agent])
        fresh = dict.fromkeys(("retry_at", "waiting_since", "decision", "ended_at", "failure"))
        detail = act.detail(agent=agent, repeated=repeated)
        await shift(connection, row, Event.RESTART, detail, deaths=0, **fresh)
        await _mark(connection, row, "replayed")
    return repeated


async def discard(journal: Journal, act: Act) -> None:
    """End a dead letter for good; its effects stay as they are. Raises as `replay` does."""
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        _require_open(await _letter(connection, row), row, Event.DISCARD)
        ended = {"outcome": "discarded", "ended_at": func.coalesce(items.c.ended_at, now())}
        await shift(connection, row, Event.DISCARD, act.detail(), **ended)
        await _mark(connection, row, "discarded")


def _require_open(letter: Row[Any] | None, row: Row[Any], event: Event) -> Row[Any]:
    if letter is None or letter.status != "open":
        raise IllegalTransition(row.key, row.state, event)
    return letter


async def _letter(connection: AsyncConnection, row: Row[Any]) -> Row[Any] | None:
    """The dead letter of an item that is locked already: joined to the lock it could be stale."""
    wanted = select(dead_letters).where(dead_letters.c.item == row.id)
    return (await connection.execute(wanted)).first()


async def _mark(connection: AsyncConnection, row: Row[Any], status: str) -> None:
    await connection.execute(
        update(dead_letters).where(dead_letters.c.item == row.id).values(status=status)
    )
