"""Items that go their way without agents, for tests of what is announced about them."""

from typing import Any

from agents.runtime.context import Runtime
from agents.runtime.journal.statements import move
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.lifecycle import Event, State
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace


async def end_orders(
    opened: Runtime, *keys: str, park: bool = False, before_commit: Exception | None = None
) -> None:
    """Accept the orders and end them; with `park` they wait for a person between.

    Raises `before_commit` in the transaction that ends them.
    """
    journal, owner = opened.journal, opened.lease.id
    submitter = Sender(journal.tenant, "orders", "1")
    new = [NewItem(key, "{}", hash_of("{}"), new_trace()) for key in keys]
    accepted = [answer.row for answer in await accept(journal.database, submitter, new, owner)]
    async with journal.database.write() as connection:
        if park:
            for event, source, owned in (
                (Event.PARK, State.PROCESSING, None),
                (Event.DECIDE, State.WAITING, None),
                (Event.CLAIM, State.PENDING, owner),
            ):
                holder = owner if event is Event.PARK else ""
                await move(connection, holder, accepted, event, source, owner=owned)
        done: dict[str, Any] = {"outcome": "shipped", "owner": None}
        await move(connection, owner, accepted, Event.COMPLETE, State.PROCESSING, **done)
        if before_commit is not None:
            raise before_commit
