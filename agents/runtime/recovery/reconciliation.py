"""Reconciliation of the journal with outside systems: how items ended, and where the two differ.

A scenario knows what an outside system has and should have; it yields a Difference for each case.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, Select, or_, select

from agents.runtime.errors import IllegalTransition
from agents.runtime.execution.agent import AGENTS
from agents.runtime.execution.rehydrate import rehydrate_whole
from agents.runtime.journal import Journal
from agents.runtime.journal.claims import deadline_here
from agents.runtime.journal.item_lists import begins
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.reopening import reopen
from agents.runtime.journal.schema import effects, items
from agents.runtime.journal.statements import values_of
from agents.runtime.journal.submit import load
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import ENDED, State
from agents.runtime.model.scenario import Scenario
from agents.runtime.names import installation_of

AT_ONCE = 256
UNDONE = frozenset({State.FAILED, State.COMPENSATED, State.CANCELLED})
RECONCILIATION = "comparison"  # the name under which the history has these actions


@dataclass(frozen=True, slots=True)
class Window:
    """The period that is compared, in seconds since 1970.

    It covers what outside systems did from `since` on, and items that ended by `until`.
    """

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Ended:
    """An item with its facts; `sequence` is the number of its last history row.

    It is `settled` if it ended within the window and can be compared. Dead letters and discarded
    items may keep effects, and pruned items have no facts, so they are not settled.
    """

    item: Item
    sequence: int
    settled: bool

    @property
    def undone(self) -> bool:
        """Whether the item ended without effects, so that outside systems should have none."""
        return self.item.state in UNDONE


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what it is, the item's key, what was found, and advice what to do.

    If the journal can undo it, `of` is the item and `effect` the agent of the effect.
    """

    what: str
    item: str
    found: str
    advice: str
    of: Ended | None = None
    effect: str = ""


@dataclass(frozen=True, slots=True)
class JournalView:
    """The journal's items of a scenario, for a comparison with outside systems."""

    journal: Journal
    scenario: Scenario
    window: Window

    def of(self, scenario: Scenario) -> "JournalView":
        """The same view of the items of another scenario."""
        return replace(self, scenario=scenario)

    async def by_key(self, keys: Iterable[str]) -> dict[str, list[Ended]]:
        """The items with these keys, of all tenants, since tenants may share a provider's account."""
        found: dict[str, list[Ended]] = {}
        if wanted := sorted(set(keys)):
            async with self.journal.database.read() as connection:
                values = select(values_of(connection, wanted).c.value)
                query = self._known().where(items.c.key.in_(values))
                rows = (await connection.execute(query)).all()
            for ended in await self._read(rows):
                found.setdefault(ended.item.key, []).append(ended)
        return found

    async def below(self, keys: Iterable[str]) -> dict[str, list[Ended]]:
        """The tenant's items with these keys, and those whose keys continue one of them after a colon."""
        wanted = sorted(set(keys))
        mine = items.c.tenant == self.journal.tenant
        which = or_(items.c.key.in_(wanted), *(begins(f"{key}:") for key in wanted))
        async with self.journal.database.read() as connection:
            rows = (await connection.execute(self._known().where(mine, which))).all()
        read = await self._read(rows)
        return {key: [one for one in read if _is_below(one.item.key, key)] for key in wanted}

    def _known(self) -> Select[Any]:
        return select(items, deadline_here()).where(items.c.scenario == self.scenario.name)

    async def by_reference(self, references: Iterable[str]) -> dict[str, list[Ended]]:
        """The items that outside systems know by these references, by reference.

        A reference of an earlier release is the key alone, so the items of all tenants match it.
        """
        named = {reference: self._named(reference) for reference in references}
        known = await self.by_key(key for _, key in named.values())
        return {
            reference: [one for one in known.get(key, ()) if tenant in ("", one.item.tenant)]
            for reference, (tenant, key) in named.items()
        }

    def may_be_ours(self, name: str) -> bool:
        """Whether this installation may have given the key or reference: no other one has."""
        return installation_of(name) in ("", self.journal.installation)

    def _named(self, reference: str) -> tuple[str, str]:
        """Tenant and key of a reference of this installation; without a tenant for any other."""
        if installation_of(reference) != self.journal.installation:
            return "", reference
        _, tenant, key = reference.split(":", 2)
        return tenant, key

    async def by_effect(self, keys: Iterable[str]) -> dict[str, Ended]:
        """The items whose effects have these idempotency keys, by key, of all tenants."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        async with self.journal.database.read() as connection:
            values = select(values_of(connection, wanted).c.value)
            query = (
                self._known()
                .add_columns(effects.c.key.label("effect"))
                .join(effects, effects.c.item == items.c.id)
            )
            rows = (await connection.execute(query.where(effects.c.key.in_(values)))).all()
        read = await self._read(rows)
        return {row.effect: ended for row, ended in zip(rows, read, strict=True)}

    async def ended(self) -> AsyncIterator[list[Ended]]:
        """The tenant's items that ended within the window, in pages."""
        last = 0
        while rows := await self._next_page(last):
            last = rows[-1].id
            yield await self._read(rows)

    async def _next_page(self, last: int) -> Sequence[Row[Any]]:
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
            item, readable = rehydrate_whole(self.scenario, claimed)
            settled = readable and self._is_settled(claimed.row)
            found.append(Ended(item, claimed.row.sequence, settled))
        return found

    def _is_settled(self, row: Row[Any]) -> bool:
        at_rest = row.state in UNDONE | {State.COMPLETED} and row.ended_at <= self.window.until
        return at_rest and row.outcome != "discarded"


def _is_below(key: str, other: str) -> bool:
    return key == other or key.startswith(f"{other}:")


async def undo_found(journal: Journal, differences: Iterable[Difference]) -> list[int]:
    """Reopen the items of the differences that the journal can undo; returns their ids.

    The next process that resumes them runs the compensations; no outside system is called here.
    """
    found: dict[int, tuple[Ended, dict[str, str]]] = {}
    for difference in differences:
        if difference.of is not None and (undo := AGENTS[difference.effect].undo) is not None:
            _, undos = found.setdefault(difference.of.item.id, (difference.of, {}))
            undos[difference.effect] = undo.name
    reopened = []
    for ended, undos in found.values():
        reason = "an effect was found after the item had ended undone"
        action = OperatorAction(
            ended.item.scenario, ended.item.key, RECONCILIATION, reason, automatic=True
        )
        with suppress(IllegalTransition):  # another process was faster
            if await reopen(journal, action, ended.sequence, undos):
                reopened.append(ended.item.id)
    return reopened
