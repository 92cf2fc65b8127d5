"""Conversations: whose each is, how many turns it has, and what people have written in it.

The turns themselves are items. A conversation's row is locked while a turn is added or a person takes
it over, so that both happen one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, literal, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError, Conflict
from agents.runtime.journal import Journal, audit
from agents.runtime.journal.api_requests import Answer, RequestKey, keep_answer, known_answer
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import conversation_messages, conversations
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import Disposition, NewItem, Sender, accept_within
from agents.runtime.model.lifecycle import ENDED

MOST_TURNS = 500  # of a conversation
Position = tuple[float, str]
_ONE = select(conversations).where(  # made once, since each turn reads it
    conversations.c.tenant == bindparam("of"), conversations.c.id == bindparam("named")
)


class UnknownConversation(AgentError):
    """The tenant, or the user, has no such conversation."""

    def __init__(self, conversation: str) -> None:
        super().__init__(conversation)
        self.conversation = conversation

    def __str__(self) -> str:
        return f"there is no conversation {self.conversation!r}"


class StillAnswered(AgentError):
    """The turn before this one is not answered yet."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"turn {self.key} is still being answered"


class ConversationFull(AgentError):
    """The conversation has as many turns as it may have."""

    def __init__(self, conversation: str) -> None:
        super().__init__(conversation)
        self.conversation = conversation

    def __str__(self) -> str:
        return f"conversation {self.conversation!r} has {MOST_TURNS} turns, which is the limit"


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn that a user adds.

    Args:
        user: The user who writes.
        sender: Tenant, scenario and version of the item.
        key: The item's key by the number of the turn.
        item: The item by the number of the turn.
        request: The Idempotency-Key of the request, if it has one.

    """

    user: str
    sender: Sender
    key: Callable[[int], str]
    item: Callable[[int], NewItem]
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What a person who takes a conversation over leaves.

    Args:
        by: The person's name.
        reason: Why.
        sender: Tenant, scenario and version of the item that waits until the person is done.
        item: That item, by the number of turns so far and of earlier take-overs.
        known: The key of such an item that waits already; no further one is made.

    """

    by: str
    reason: str
    sender: Sender
    item: Callable[[int, int], NewItem]
    known: str = ""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What a person writes.

    Args:
        by: The person's name.
        text: The words.
        sent: The name of the form or request that brought it: with the same one it is the same message.

    """

    by: str
    text: str
    sent: str


async def begin(
    journal: Journal, conversation: str, user: str, request: RequestKey | None = None
) -> str:
    """Begin a conversation of the user; returns its id.

    A known Idempotency-Key gives the conversation of its first request. Raises KeyReused.
    """
    try:
        return await _begin(journal, conversation, user, request)
    except IntegrityError:  # another process has used the Idempotency-Key meanwhile
        return await _begin(journal, conversation, user, request)


async def find(journal: Journal, conversation: str) -> Row[Any] | None:
    """The conversation's row."""
    this = {"of": journal.tenant, "named": conversation}
    async with journal.database.read(rows=1) as connection:
        return (await connection.execute(_ONE, this)).first()


async def recent(
    journal: Journal, user: str | None, after: Position | None, most: int
) -> Sequence[Row[Any]]:
    """Up to `most` conversations of the tenant, or of one user of it, the latest first.

    `after` is the time and the id of the last one of the page before.
    """
    columns = conversations.c
    query = select(conversations).where(columns.tenant == journal.tenant)
    if user is not None:
        query = query.where(columns.user == user)
    if after is not None:
        query = query.where(tuple_(columns.last_at, columns.id) < tuple_(*map(literal, after)))
    query = query.order_by(columns.last_at.desc(), columns.id.desc()).limit(most)
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


async def known(journal: Journal, ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Those of these conversations that there are."""
    columns = conversations.c
    query = select(conversations).where(columns.tenant == journal.tenant, columns.id.in_(ids))
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


async def add_turn(journal: Journal, conversation: str, turn: NewTurn) -> int:
    """Add the turn after those that are answered; returns its number.

    A known Idempotency-Key gives the number of its first request. Raises UnknownConversation,
    StillAnswered, ConversationFull, and KeyReused.
    """
    try:
        return await _add_turn(journal, conversation, turn)
    except IntegrityError:  # another process has used the Idempotency-Key meanwhile
        return await _add_turn(journal, conversation, turn)


async def take_over(journal: Journal, conversation: str, taken: TakeOver) -> str:
    """Let a person answer from the next turn on; returns the key of the item that waits for its end.

    Raises UnknownConversation.
    """
    async with journal.database.write() as connection:
        row = await _locked(connection, journal, conversation)
        number, key = int(row.take_overs) + 1, taken.known
        if not key:
            new = taken.item(int(row.turns), number)
            key = new.key
            await _accept_new(connection, taken.sender, new)
        await _change(
            connection,
            journal,
            conversation,
            person=taken.by,
            handover=key,
            handover_after=row.turns,
            take_overs=number,
        )
        await audit.write(
            connection,
            AuditEntry(
                *(journal.tenant, taken.by, "take over", f"conversation {conversation}"),
                reason=taken.reason,
                before={"person": row.person},
                after={"person": taken.by, "handover": key},
            ),
        )
    return key


async def write_message(journal: Journal, conversation: str, message: NewMessage) -> None:
    """Add what a person writes to the user, unless it was added before. Raises UnknownConversation."""
    of = {"tenant": journal.tenant, "conversation": conversation, "sent": message.sent}
    async with journal.database.write() as connection:
        row = await _locked(connection, journal, conversation)
        columns = conversation_messages.c
        same = [columns[name] == value for name, value in of.items()]
        if await connection.scalar(select(columns.id).where(*same)) is not None:
            return
        new = insert(conversation_messages).values(
            **of, by=message.by, text=message.text, turn=row.turns, at=now()
        )
        await connection.execute(new)
        await _change(connection, journal, conversation, last_at=now())
        await audit.write(
            connection,
            AuditEntry(
                *(journal.tenant, message.by, "write", f"conversation {conversation}"),
                reason="",
                after={"characters": len(message.text)},
            ),
        )


async def messages(journal: Journal, conversation: str) -> Sequence[Row[Any]]:
    """What people have written in the conversation, the oldest first."""
    columns = conversation_messages.c
    query = select(conversation_messages).where(
        columns.tenant == journal.tenant, columns.conversation == conversation
    )
    async with journal.database.read() as connection:
        return (await connection.execute(query.order_by(columns.id))).all()


async def forget_old(database: Database, older_than: float) -> int:
    """Delete what is older than this, in seconds: messages, and conversations without a later turn.

    Their turns are items, which are pruned as all are. Returns how many conversations are deleted.
    """
    async with database.write() as connection:
        old = conversation_messages.c.at < now() - older_than
        await connection.execute(delete(conversation_messages).where(old))
        ended = conversations.c.last_at < now() - older_than
        deleted = await connection.execute(delete(conversations).where(ended))
    return deleted.rowcount


async def latest_handover(journal: Journal, conversation: str) -> tuple[str, int]:
    """The key of the item that the latest take-over left, and the turns before it; ("", 0) if none."""
    row = await find(journal, conversation)
    return ("", 0) if row is None or not row.handover else (row.handover, row.handover_after)


async def _begin(journal: Journal, conversation: str, user: str, request: RequestKey | None) -> str:
    named = {
        "tenant": journal.tenant,
        "id": conversation,
        "user": user,
        "person": "",
        "handover": "",
    }
    counted = dict.fromkeys(("turns", "handover_after", "take_overs"), 0)
    new = insert(conversations).values(**named, **counted, begun_at=now(), last_at=now())
    async with journal.database.write() as connection:
        if request is not None:
            first = await known_answer(connection, request)
            if first is not None:
                return first.body
            await keep_answer(connection, request, Answer(201, conversation))
        await connection.execute(new)
    return conversation


async def _add_turn(journal: Journal, conversation: str, turn: NewTurn) -> int:
    async with journal.database.write() as connection:
        row = await _locked(connection, journal, conversation)
        if row.user != turn.user:
            raise UnknownConversation(conversation)
        if turn.request is not None:
            first = await known_answer(connection, turn.request)
            if first is not None:
                return int(first.body)
        await _require_answered(connection, turn, row.turns)
        if row.turns >= MOST_TURNS:
            raise ConversationFull(conversation)
        number = int(row.turns) + 1
        await _accept_new(connection, turn.sender, turn.item(number))
        await _change(connection, journal, conversation, turns=number, last_at=now())
        if turn.request is not None:
            await keep_answer(connection, turn.request, Answer(202, str(number)))
        return number


async def _locked(connection: AsyncConnection, journal: Journal, conversation: str) -> Row[Any]:
    this = {"of": journal.tenant, "named": conversation}
    row: Row[Any] | None = (await connection.execute(_ONE.with_for_update(), this)).first()
    if row is None:
        raise UnknownConversation(conversation)
    return row


async def _change(
    connection: AsyncConnection, journal: Journal, conversation: str, **values: Any
) -> None:
    columns = conversations.c
    await connection.execute(
        update(conversations)
        .where(columns.tenant == journal.tenant, columns.id == conversation)
        .values(**values)
    )


async def _require_answered(connection: AsyncConnection, turn: NewTurn, turns: int) -> None:
    if not turns:
        return
    query = select(items.c.state).where(
        items.c.tenant == turn.sender.tenant,
        items.c.scenario == turn.sender.scenario,
        items.c.key == turn.key(turns),
    )
    if (await connection.execute(query)).scalar_one() not in ENDED:
        raise StillAnswered(turn.key(turns))


async def _accept_new(connection: AsyncConnection, sender: Sender, item: NewItem) -> None:
    [accepted] = await accept_within(connection, sender, [item])
    if accepted.disposition is Disposition.CONFLICT:
        raise Conflict(sender.scenario, item.key)
