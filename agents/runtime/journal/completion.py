"""How a process gives up items: ended with their outcome and notices, or parked."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import StatementError

from agents.runtime.journal import dependencies
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.item_events import publish_ended
from agents.runtime.journal.schema import outbox
from agents.runtime.journal.statements import insert_many, insert_new, move, still_held
from agents.runtime.journal.step_results import is_refusal, write_done
from agents.runtime.model.item import Item, Notice, StepExecution
from agents.runtime.model.lifecycle import Event, State
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)


async def end(  # noqa: PLR0913 - what one transaction writes
    database: Database,
    owner: str,
    held: Sequence[Item],
    event: Event,
    notices: dict[int, Sequence[Notice]],
    *,
    needed: bool = False,
    riding: Sequence[StepExecution] = (),
) -> set[int]:
    """End items in one transaction: state, outcome, history and outbox. Returns the ids that ended.

    If the items may be `needed` by others, those go on or are cancelled with it. Outcomes of steps that
    ride are written with it; if the database refuses anything then, that is raised. Otherwise, if it
    refuses a notice, its item ends without notices.
    """
    try:
        return await _end(database, owner, held, event, notices, needed=needed, riding=riding)
    except (StatementError, UnicodeError) as error:
        if riding or not is_refusal(error):
            raise
        if len(held) == 1:
            log.exception(
                "the notices of an item cannot be stored, it ends without",
                item=held[0].key,
                trace=held[0].trace,
            )
            return await _end(database, owner, held, event, {held[0].id: ()}, needed=needed)
        middle = len(held) // 2
        first = await end(database, owner, held[:middle], event, notices, needed=needed)
        return first | await end(database, owner, held[middle:], event, notices, needed=needed)


async def park(
    database: Database, owner: str, held: Sequence[Item], reason: str, state: State
) -> set[int]:
    """Let items wait for an operator or another version of the code; their effects stay as they are."""
    if not held:
        return set()
    since = {"waiting_since": now(), "decision": None}
    details = {item.id: reason for item in held}
    async with database.write(len(held)) as connection:
        return await move(
            connection,
            owner,
            held,
            Event.PARK,
            state,
            details=details,
            owner=None,
            **since,
        )


async def _end(  # noqa: PLR0913 - as above
    database: Database,
    owner: str,
    held: Sequence[Item],
    event: Event,
    notices: dict[int, Sequence[Notice]],
    *,
    needed: bool,
    riding: Sequence[StepExecution] = (),
) -> set[int]:
    source = State.PROCESSING if event is Event.COMPLETE else State.COMPENSATING
    async with database.write(len(held) + len(riding)) as connection:
        mine = await still_held(connection, owner, riding, State.PROCESSING)
        await write_done(connection, [one for one in riding if one.id in mine])
        if needed:
            await dependencies.lock(connection, held[0].scenario, alone=False)
        moved = set[int]()
        for outcome, group in _by_outcome(held).items():
            values: dict[str, Any] = {"ended_at": now(), "outcome": outcome}
            moved |= await move(connection, owner, group, event, source, owner=None, **values)
        ended = [item for item in held if item.id in moved]
        rows = [
            {
                "item": item.id,
                "topic": notice.topic,
                "channel": notice.channel,
                "body": notice.body,
                "traceparent": item.traced.header if item.traced else None,
            }
            for item in ended
            for notice in notices[item.id]
        ]
        statement = insert_new(connection, outbox, status="waiting", attempts=0, at=now())
        await insert_many(connection, statement, rows)
        await publish_ended(connection, ended)
        if needed:
            await dependencies.settle(connection, sorted(moved), event)
    return moved


def _by_outcome(held: Sequence[Item]) -> dict[str | None, list[Item]]:
    """The items by outcome: there are few outcomes, so one statement for each is cheap."""
    groups: dict[str | None, list[Item]] = {}
    for item in held:
        groups.setdefault(item.outcome, []).append(item)
    return groups
