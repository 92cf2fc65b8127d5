"""The delivery of a message to a handler: its transaction, and its status in the journal."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Text, and_, bindparam, select

from agents.runtime.errors import AgentError
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.quick import Pair, fetch
from agents.runtime.journal.schema import inbox, messages, requests
from agents.runtime.journal.statements import is_one_of, is_sqlite, values_parameter
from agents.runtime.messaging.connection import Connection, Transaction
from agents.runtime.messaging.inbox import HANDLED, TRYING, finish
from agents.runtime.model.message import Envelope
from agents.runtime.testing import failpoint


class AlreadyHandled(AgentError):
    """Another process has handled the message; this handler's transaction is rolled back."""


class Delivery:
    """A message for a handler, and the transaction that marks it as handled.

    `overdue`: it is a request whose caller no longer waits. `wakes` is a signal and its word, sent
    when the message is acknowledged.
    """

    def __init__(
        self, bus: Connection, group: str, envelope: Envelope, *, overdue: bool = False
    ) -> None:
        self.envelope, self.group, self.committed = envelope, group, False
        self.overdue, self.bus = overdue, bus
        self.wakes: tuple[str, str] | None = None

    @asynccontextmanager
    async def transaction(
        self, status: str = HANDLED, rows: int | None = None
    ) -> AsyncIterator[Transaction]:
        """The transaction of this handler; its writes and the inbox row are one commit.

        Do slow work before it. Raises AlreadyHandled if another process was faster, and TypeError if
        the handler opens a second one. For `rows` see `Database.write`.
        """
        self._require_uncommitted()
        async with self.bus.transaction(rows) as transaction:
            if not await finish(transaction.connection, self.group, self.envelope.id, status):
                raise AlreadyHandled(self.envelope.id)
            yield transaction
            failpoint("bus:handling")
        self.committed = True

    async def write(self, both: Pair, parameters: dict[str, Any]) -> None:
        """As `transaction`, of one statement: `both` are `done_with`, and what follows from it."""
        self._require_uncommitted()
        failpoint("bus:handling")
        ours = {"grp": self.group, "message": self.envelope.id, "status": HANDLED}
        if not await self.bus.database.write_pair(both, ours | parameters):
            raise AlreadyHandled(self.envelope.id)
        self.committed = True

    def _require_uncommitted(self) -> None:
        if self.committed:
            raise TypeError(f"{self.group}: a handler has one transaction for each message")


class DeliveryStatus(StrEnum):
    """Whether a group should handle a message now."""

    DUE = "due"
    DONE = "done"
    TOO_EARLY = "too early"
    NOT_OURS = "not in the journal"


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The status of a message for one group, and how many of its deliveries have failed.

    `overdue`: it is a request whose caller no longer waits.
    """

    status: DeliveryStatus
    deliveries: int = 0
    overdue: bool = False


async def look_up(
    database: Database, group: str, envelopes: Sequence[Envelope]
) -> dict[Envelope, DeliveryState]:
    """The state of each message for the group; a message that differs from its row is NOT_OURS."""
    if not envelopes:
        return {}
    async with database.read(len(envelopes)) as connection:
        lite = is_sqlite(connection)
        ids = values_parameter([envelope.id for envelope in envelopes], by_sqlite=lite)
        in_order = any(envelope.item is not None for envelope in envelopes)
        states = _states(in_order=in_order, by_sqlite=lite)
        rows = await fetch(connection, states, {"ids": ids, "grp": group})
        stored = {row.id: row for row in rows}
    return {envelope: _state_of(envelope, stored.get(envelope.id)) for envelope in envelopes}


@cache
def _states(*, in_order: bool, by_sqlite: bool) -> Any:
    """SQL: the stored messages with these ids, and the state of each for the group.

    Whether one must wait for earlier ones is asked only `in_order`: to plan that takes PostgreSQL as
    long as all else.
    """
    group = bindparam("grp", type_=Text())
    earlier, finished = messages.alias("earlier"), inbox.alias("finished")
    done = and_(
        finished.c.message == earlier.c.id, finished.c.grp == group, finished.c.status != TRYING
    )
    blocked = (
        select(earlier.c.id)
        .where(earlier.c.item == messages.c.item, earlier.c.topic == messages.c.topic)
        .where(earlier.c.sequence < messages.c.sequence)
        .where(~select(finished.c.grp).where(done).exists())
        .exists()
    )
    inbox_row = and_(inbox.c.message == messages.c.id, inbox.c.grp == group)
    columns: list[Any] = [messages.c[name] for name in Envelope.model_fields]
    columns += [blocked.label("blocked")] if in_order else []
    overdue = (requests.c.deadline < now()).label("overdue")
    return (
        select(*columns, inbox.c.status, inbox.c.deliveries, overdue)
        .select_from(
            messages.outerjoin(inbox, inbox_row).outerjoin(
                requests, requests.c.message == messages.c.id
            )
        )
        .where(is_one_of(messages.c.id, "ids", by_sqlite=by_sqlite))
    )


def _state_of(envelope: Envelope, row: object) -> DeliveryState:
    if row is None or any(getattr(row, n) != v for n, v in envelope.model_dump().items()):
        return DeliveryState(DeliveryStatus.NOT_OURS)
    status: str | None = getattr(row, "status", None)
    if status is not None and status != TRYING:
        return DeliveryState(DeliveryStatus.DONE)
    deliveries = getattr(row, "deliveries", None) or 0
    blocked = getattr(row, "blocked", False)
    status = DeliveryStatus.TOO_EARLY if blocked else DeliveryStatus.DUE
    return DeliveryState(status, deliveries, bool(getattr(row, "overdue", False)))
