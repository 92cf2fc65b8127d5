"""Comparing the journal with the world outside: how items ended, and where the two disagree.

What there is outside, and what should be, a scenario knows; it yields a Difference for each case.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from agents.runtime.errors import IllegalTransition
from agents.runtime.execution.agent import AGENTS
from agents.runtime.execution.rehydrate import rehydrate_ended
from agents.runtime.journal import Journal
from agents.runtime.journal.claims import deadline_here
from agents.runtime.journal.operator_actions import OperatorAction, reopen
from agents.runtime.journal.schema import effects, items
from agents.runtime.journal.statements import values_of
from agents.runtime.journal.submit import load
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import ENDED, State
from agents.runtime.model.scenario import Scenario

AT_ONCE = 256
UNDONE = frozenset({State.FAILED, State.COMPENSATED, State.CANCELLED})
COMPARER = "comparison"


@dataclass(frozen=True, slots=True)
class Window:
    """What is compared: made outside from `since` on, and at rest by `until`; seconds since 1970."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Ended:
    """An item with all that its agents stated, and how far its history had come.

    It is `settled` if it had ended when the window closes and can be judged: dead letters and what
    a person has discarded are known to hold something, pruned items tell nothing any more.
    """

    item: Item
    sequence: int
    settled: bool

    @property
    def undone(self) -> bool:
        """Whether nothing of it should be left outside."""
        return self.item.state in UNDONE


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be: what, of which item, what was found, and what to do.

    If it can be undone through the journal, `of` is the item and `effect` the agent that did it.
    """

    what: str
    item: str
    found: str
    advice: str
    of: Ended | None = None
    effect: str = ""


@dataclass(frozen=True, slots=True)
class JournalView:
    """What the journal knows of a scenario's items, for whoever compares it with a window outside."""

    journal: Journal
    scenario: Scenario
    window: Window

    async def by_key(self, keys: Iterable[str]) -> dict[str, list[Ended]]:
        """The items with these keys, of all tenants: they may share a provider's account."""
        found: dict[str, list[Ended]] = {}
        if wanted := sorted(set(keys)):
            async with self.journal.database.read() as connection:
                values = select(values_of(connection, wanted).c.value)
                known = select(items, deadline_here())
                query = known.where(items.c.scenario == self.scenario.name)
                rows = (await connection.execute(query.where(items.c.key.in_(values)))).all()
            for ended in await self._read(rows):
                found.setdefault(ended.item.key, []).append(ended)
        return found

    async def by_effect(self, keys: Iterable[str]) -> dict[str, Ended]:
        """The items whose effects have these idempotency keys, of all tenants, by that key."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        async with self.journal.database.read() as connection:
            values = select(values_of(connection, wanted).c.value)
            query = select(items, deadline_here(), effects.c.key.label("effect")).join(
                effects, effects.c.item == items.c.id
            )
            rows = (await connection.execute(query.where(effects.c.key.in_(values)))).all()
        read = await self._read(rows)
        return {row.effect: ended for row, ended in zip(rows, read, strict=True)}

    async def ended(self) -> AsyncIterator[list[Ended]]:
        """The tenant's items that ended within the window, page by page."""
        last = 0
        while rows := await self._next(last):
            last = rows[-1].id
            yield await self._read(rows)

    async def _next(self, last: int) -> Sequence[Row[Any]]:
        query = (
            select(items, deadline_here())
            .where(items.c.tenant == self.journal.tenant, items.c.id > last)
            .where(items.c.scenario == self.scenario.name, items.c.state.in_(ENDED))
            .where(items.c.ended_at.between(self.window.since, self.window.until))
            .order_by(items.c.id)
            .limit(AT_ONCE)
        )
        async with self.journal.database.read() as connection:
            return (await connection.execute(query)).all()

    async def _read(self, rows: Sequence[Row[Any]]) -> list[Ended]:
        found = []
        for claimed in await load(self.journal.database, rows):
            item, readable = rehydrate_ended(self.scenario, claimed)
            settled = readable and self._is_settled(claimed.row)
            found.append(Ended(item, claimed.row.sequence, settled))
        return found

    def _is_settled(self, row: Row[Any]) -> bool:
        at_rest = row.state in UNDONE | {State.COMPLETED} and row.ended_at <= self.window.until
        return at_rest and row.outcome != "discarded"


async def undo_found(journal: Journal, differences: Iterable[Difference]) -> list[int]:
    """Reopen the items of differences that the journal can undo; returns their ids.

    Whoever takes them up next compensates them, as any item: this makes no call by itself.
    """
    found: dict[int, tuple[Ended, dict[str, str]]] = {}
    for difference in differences:
        if difference.of is not None and (undo := AGENTS[difference.effect].undo) is not None:
            _, undos = found.setdefault(difference.of.item.id, (difference.of, {}))
            undos[difference.effect] = undo.name
    reopened = []
    for ended, undos in found.values():
        action = OperatorAction(
            ended.item.scenario, ended.item.key, COMPARER, "found after it had ended undone"
        )
        with suppress(IllegalTransition):  # somebody else was quicker
            if await reopen(journal, action, ended.sequence, undos):
                reopened.append(ended.item.id)
    return reopened
