"""The outbox in SQL: which notices are due, the claim of each right before its call, and its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Double, Row, bindparam, case, func, or_, select, text, update

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.operator_actions import OperatorAction, apply_event, find_locked
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import UNSETTLED, items, outbox
from agents.runtime.journal.statements import (
    bound_values,
    is_sqlite,
    values_of,
    values_parameter,
)
from agents.runtime.journal.workers import is_alive
from agents.runtime.model.item import NoticeStatus
from agents.runtime.model.lifecycle import ENDED, Event

LONGEST_WAIT = 86_400.0  # seconds; a longer one was written under a wrong clock
INTERRUPTED = "the process that was sending it has ended"
RESENDABLE = frozenset(NoticeStatus) - {NoticeStatus.SENDING, NoticeStatus.SENT}
_LATER: dict[str, Any] = {name: bindparam(name, type_=Double()) for name in ("wait", "left")}
_WRITE_RESULT = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.owner == bindparam("sender"))
    .values(status=bindparam("to"), error=bindparam("why"), retry_at=now() + _LATER["wait"])
    .values(deadline=func.coalesce(outbox.c.deadline, now() + _LATER["left"]))
)


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """What a call did with the notice of this row.

    A notice that is certainly unsent is due again in `wait` seconds, until `left` seconds have passed.
    """

    row: int
    status: NoticeStatus
    error: str | None = None
    wait: float | None = None
    left: float | None = None


class NotResendable(AgentError):
    """No message of the item may be sent again: it was sent, or a process is sending it now."""

    def __init__(self, key: str, found: Sequence[str]) -> None:
        super().__init__(key, found)
        self.key, self.found = key, found

    def __str__(self) -> str:
        known = ", ".join(self.found) or "none"
        return f"{self.key} has no message that may be sent again; its messages: {known}"


async def unsent(database: Database, ended: Sequence[int]) -> Sequence[Row[Any]]:
    """The unsent notices of these items: `id`, `item`, and whether each is `due` now."""
    if not ended:
        return []
    async with database.read(rows=len(ended)) as connection:
        values = values_of(connection, ended)
        query = (
            select(outbox.c.id, outbox.c.item, _is_due().label("due"))
            .where(outbox.c.item.in_(select(values.c.value)))
            .where(outbox.c.status == NoticeStatus.WAITING)
            .order_by(outbox.c.id)
        )
        return (await connection.execute(query)).all()


async def advance(
    database: Database, owner: str, results: Sequence[NoticeResult], wanted: Sequence[int]
) -> Sequence[Row[Any]]:
    """Write what calls did, and claim the wanted rows for calls that begin now, in one transaction.

    Returns the rows that are claimed; another process may have been faster with the others. A claimed
    row is `sending`: if its process dies, its outcome is unknown and it is not sent again.
    """
    if not results and not wanted:
        return []
    async with database.write(len(results) + len(wanted)) as connection:
        if results:
            values = [
                {"row": r.row, "to": r.status, "why": r.error, "wait": r.wait, "left": r.left}
                | {"sender": owner}
                for r in results
            ]
            await connection.execute(_WRITE_RESULT, values)
        if not wanted:
            return []
        lite = is_sqlite(connection)
        claimed = {"sender": owner, "wanted": values_parameter(wanted, by_sqlite=lite)}
        return await fetch(connection, _claim(by_sqlite=lite), claimed)


@cache
def _claim(*, by_sqlite: bool) -> Any:
    wanted = bound_values("wanted", BigInteger(), by_sqlite=by_sqlite)
    return (
        update(outbox)
        .where(outbox.c.id.in_(select(wanted.c.value)))
        .where(outbox.c.status == NoticeStatus.WAITING)
        .values(status=NoticeStatus.SENDING, owner=bindparam("sender"))
        .values(attempts=outbox.c.attempts + 1)
        .returning(outbox, (outbox.c.deadline - now()).label("left"))
    )


async def settle_interrupted(journal: Journal, scenario: str) -> list[str]:
    """Mark the notices that crashed processes were sending as unknown; returns the keys of their items."""
    theirs = select(items.c.id).where(
        items.c.tenant == journal.tenant, items.c.scenario == scenario
    )
    key = select(items.c.key).where(items.c.id == outbox.c.item).scalar_subquery()
    settled = (
        update(outbox)
        .where(text(UNSETTLED), outbox.c.status == NoticeStatus.SENDING)
        .where(~is_alive(outbox.c.owner), outbox.c.item.in_(theirs))
        .values(status=NoticeStatus.UNKNOWN, error=INTERRUPTED)
        .returning(key)
    )
    async with journal.database.write() as connection:
        return list(await connection.scalars(settled))


async def items_with_due_notices(journal: Journal, scenario: str) -> list[int]:
    """The ids of the ended items with a notice that is due, the oldest first."""
    query = (
        select(items.c.id)
        .join(outbox, outbox.c.item == items.c.id)
        .where(items.c.tenant == journal.tenant, items.c.scenario == scenario)
        .where(items.c.state.in_(ENDED), text(UNSETTLED))
        .where(outbox.c.status == NoticeStatus.WAITING, _is_due())
        .group_by(items.c.id)
        .order_by(func.min(outbox.c.at), items.c.id)
    )
    async with journal.database.read() as connection:
        return list(await connection.scalars(query))


async def unsettled(journal: Journal, scenario: str, most: int) -> Sequence[Row[Any]]:
    """Notices that are not sent, or may not be, the oldest first; `age` in seconds.

    One that a crashed process was sending is `unknown`.
    """
    interrupted = (outbox.c.status == NoticeStatus.SENDING) & ~is_alive(outbox.c.owner)
    error = case((interrupted, INTERRUPTED), else_=outbox.c.error).label("reason")
    query = (
        select(
            items.c.key,
            *(outbox.c.topic, outbox.c.channel, outbox.c.body, outbox.c.attempts, error),
            case((interrupted, NoticeStatus.UNKNOWN), else_=outbox.c.status).label("status"),
            (now() - outbox.c.at).label("age"),
        )
        .join(items, items.c.id == outbox.c.item)
        .where(items.c.tenant == journal.tenant, items.c.scenario == scenario)
        .where(text(UNSETTLED), or_(outbox.c.status != NoticeStatus.SENDING, interrupted))
        .order_by(outbox.c.at, outbox.c.id)
        .limit(most)
    )
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


async def resend(journal: Journal, action: OperatorAction, topic: str | None) -> int:
    """Let the messages of an item that are not sent, or may not be, go out again; returns the item's id.

    `topic` restricts them to one. Each has all of its time again. The item's history keeps who did it
    and why. Raises UnknownItem, NotResendable, and IllegalTransition if the item has not ended.
    """
    await settle_interrupted(journal, action.scenario)
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        theirs = outbox.c.item == row.id
        found = (
            await connection.execute(select(outbox.c.topic, outbox.c.status).where(theirs))
        ).all()
        chosen = [
            notice.topic
            for notice in found
            if notice.status in RESENDABLE and topic in {None, notice.topic}
        ]
        if not chosen:
            raise NotResendable(row.key, [f"{notice.topic} is {notice.status}" for notice in found])
        await apply_event(connection, row, Event.RESEND, action, {"messages": sorted(chosen)})
        again = dict.fromkeys(("owner", "retry_at", "deadline"))  # a late result changes nothing
        await connection.execute(
            update(outbox)
            .where(theirs, outbox.c.topic.in_(chosen), outbox.c.status.in_(RESENDABLE))
            .values(status=NoticeStatus.WAITING, attempts=0, **again)
        )
    return int(row.id)


def _is_due() -> Any:
    """SQL: the notice waits for nothing more."""
    at = outbox.c.retry_at
    return or_(at.is_(None), at <= now(), at > now() + LONGEST_WAIT)
