"""A workflow as the journal has it: its tasks, how each stands, and what each waits for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, select

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.dependencies import needed_by
from agents.runtime.journal.item_lists import begins
from agents.runtime.journal.schema import items
from agents.runtime.model.lifecycle import State
from agents.tasks.models import key_of
from agents.tasks.scenario import TASKS

MOST_NAMED = 3
BLOCKED = "waits for others"
ASKS = "asks a person"
UNFINISHED = frozenset({State.PENDING, State.PROCESSING, State.COMPENSATING})


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task: how it stands, why it is so, and in how many seconds it is tried again."""

    id: str
    state: State
    word: str
    reason: str = ""
    due: float = 0.0

    @property
    def goes_on(self) -> bool:
        """Whether a process has it, or will take it without anybody's help."""
        return self.state in UNFINISHED and self.word != ASKS


async def is_known(journal: Journal, workflow: str) -> bool:
    """Whether the workflow has any task."""
    query = (
        select(items.c.id)
        .where(items.c.tenant == journal.tenant, items.c.scenario == TASKS.name)
        .where(begins(key_of(workflow, "")))
        .limit(1)
    )
    async with journal.database.read() as connection:
        return await connection.scalar(query) is not None


async def tasks_of(journal: Journal, workflow: str) -> list[TaskView]:
    """The tasks of a workflow, in the order in which they were accepted."""
    prefix = key_of(workflow, "")
    columns = (items.c.id, items.c.key, items.c.state, items.c.outcome, items.c.failure)
    query = (
        select(*columns, items.c.waiting_since, (items.c.retry_at - now()).label("due"))
        .where(items.c.tenant == journal.tenant, items.c.scenario == TASKS.name, begins(prefix))
        .order_by(items.c.id)
    )
    async with journal.database.read() as connection:
        rows: Sequence[Any] = (await connection.execute(query)).all()
    waiting = [row.id for row in rows if row.state == State.WAITING]
    needs = await needed_by(journal.database, waiting)
    return [_view(row, prefix, needs.get(row.id, ())) for row in rows]


def _view(row: Row[Any], prefix: str, needs: Iterable[Row[Any]]) -> TaskView:
    state = State(row.state)
    key, due = row.key.removeprefix(prefix), max(row.due or 0.0, 0.0)
    if row.waiting_since is not None:
        return TaskView(key, state, ASKS)
    if state is State.WAITING:
        return TaskView(key, state, BLOCKED, ", ".join(_named(prefix, list(needs))))
    reason = orjson.loads(row.failure)["error"] if row.failure else ""
    return TaskView(key, state, row.outcome or state.replace("_", "-"), reason, due)


def _named(prefix: str, needs: list[Row[Any]]) -> Iterator[str]:
    """The needed tasks by name, a dead letter first: nothing goes on without it."""
    dead = State.DEAD_LETTERED
    needs.sort(key=lambda row: row.state != dead)
    for row in needs[:MOST_NAMED]:
        yield row.key.removeprefix(prefix) + (" (a dead letter)" if row.state == dead else "")
    if len(needs) > MOST_NAMED:
        yield f"{len(needs) - MOST_NAMED} more"
