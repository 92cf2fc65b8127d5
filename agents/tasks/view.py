"""A workflow as the journal has it: its tasks, how each stands, and what each waits for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, Select, and_, func, select

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.dependencies import needed_by
from agents.runtime.journal.item_lists import LAST_CHARACTER, begins
from agents.runtime.journal.schema import items
from agents.runtime.model.lifecycle import State
from agents.tasks.models import key_of
from agents.tasks.scenario import TASKS

MOST_NAMED = 3
BLOCKED = "waits for others"
ASKS = "asks a person"
UNFINISHED = frozenset({State.PENDING, State.PROCESSING, State.COMPENSATING})


class UnknownPage(AgentError):
    """The workflow has no task after which the page could begin."""

    def __init__(self, workflow: str, after: int) -> None:
        super().__init__(workflow, after)
        self.workflow, self.after = workflow, after

    def __str__(self) -> str:
        return f"workflow {self.workflow!r} has no page after {self.after}"


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
    query = select(items.c.id).where(*_mine(journal, workflow)).limit(1)
    async with journal.database.read() as connection:
        return await connection.scalar(query) is not None


async def tasks_of(journal: Journal, workflow: str) -> list[TaskView]:
    """The tasks of a workflow, in the order in which they were accepted."""
    async with journal.database.read() as connection:
        query = _tasks(_mine(journal, workflow)).order_by(items.c.id)
        rows = (await connection.execute(query)).all()
    return await _views(journal, workflow, rows)


async def page_of(
    journal: Journal, workflow: str, after: int, most: int
) -> tuple[list[TaskView], int | None]:
    """Some tasks of a workflow by their ids, and the `after` of the next page; None after the last one.

    Reads the rows of the page alone. `after` is 0 for the first page. Raises UnknownPage.
    """
    async with journal.database.read() as connection:
        last = None
        if after:
            mine = and_(items.c.id == after, *_mine(journal, workflow))
            last = await connection.scalar(select(items.c.key).where(mine))
            if last is None:
                raise UnknownPage(workflow, after)
        rows = (await connection.execute(page_query(journal, workflow, last, most))).all()
    shown = rows[:most]
    return await _views(journal, workflow, shown), shown[-1].id if len(rows) > most else None


def page_query(journal: Journal, workflow: str, last: str | None, most: int) -> Select[Any]:
    """SQL: the tasks after the one with the key `last`, by key, and one more than a page has."""
    return _tasks(_mine(journal, workflow, last)).order_by(items.c.key).limit(most + 1)


async def counts_of(journal: Journal, workflow: str) -> dict[str, int]:
    """By word, how many tasks of a workflow stand so; empty if there is no such workflow."""
    asks = items.c.waiting_since.is_not(None)
    columns = items.c.state, items.c.outcome, asks.label("asks")
    query = select(*columns, func.count().label("number")).where(*_mine(journal, workflow))
    found = Counter[str]()
    async with journal.database.read() as connection:
        for row in await connection.execute(query.group_by(*columns)):
            found[_word(State(row.state), row.outcome, asks=row.asks)] += row.number
    return dict(found)


def _mine(
    journal: Journal, workflow: str, last: str | None = None
) -> tuple[ColumnElement[bool], ...]:
    """SQL: the tasks of the workflow, or those after the one with the key `last`."""
    prefix = key_of(workflow, "")
    keys = begins(prefix)
    if last is not None:  # one range: of two lower bounds SQLite may begin at the smaller one
        keys = and_(items.c.key > last, items.c.key <= prefix + LAST_CHARACTER)
    return items.c.tenant == journal.tenant, items.c.scenario == TASKS.name, keys


def _tasks(mine: Sequence[ColumnElement[bool]]) -> Select[Any]:
    columns = (items.c.id, items.c.key, items.c.state, items.c.outcome, items.c.failure)
    due = (items.c.retry_at - now()).label("due")
    return select(*columns, items.c.waiting_since, due).where(*mine)


async def _views(journal: Journal, workflow: str, rows: Sequence[Row[Any]]) -> list[TaskView]:
    waiting = [row.id for row in rows if row.state == State.WAITING]
    needs = await needed_by(journal.database, waiting)
    return [_view(row, key_of(workflow, ""), needs.get(row.id, ())) for row in rows]


def _view(row: Row[Any], prefix: str, needs: Iterable[Row[Any]]) -> TaskView:
    state, due = State(row.state), max(row.due or 0.0, 0.0)
    key, word = row.key.removeprefix(prefix), _word(state, row.outcome, asks=row.waiting_since)
    if word == ASKS:
        return TaskView(key, state, word)
    if state is State.WAITING:
        return TaskView(key, state, word, ", ".join(_named(prefix, list(needs))))
    reason = orjson.loads(row.failure)["error"] if row.failure else ""
    return TaskView(key, state, word, reason, due)


def _word(state: State, outcome: str | None, *, asks: object) -> str:
    """How a task stands; `asks` is true or a time if it waits for a person."""
    if asks:
        return ASKS
    return BLOCKED if state is State.WAITING else outcome or state.replace("_", "-")


def _named(prefix: str, needs: list[Row[Any]]) -> Iterator[str]:
    """The needed tasks by name, a dead letter first: nothing goes on without it."""
    dead = State.DEAD_LETTERED
    needs.sort(key=lambda row: row.state != dead)
    for row in needs[:MOST_NAMED]:
        yield row.key.removeprefix(prefix) + (" (a dead letter)" if row.state == dead else "")
    if len(needs) > MOST_NAMED:
        yield f"{len(needs) - MOST_NAMED} more"
