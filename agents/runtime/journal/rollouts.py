"""Rollouts: with which major version of a scenario new items begin.

The latest rollout of a scenario decides, and it is read in the transaction that accepts items: a
promotion or a roll back wins at once in all processes. Begun items stay with their version.
"""

import hashlib
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal, audit
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import rollouts
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import major_of

ALL = 100.0  # per cent


class RolloutState(StrEnum):
    """`running`: the candidate gets its share of new items; `promoted`: all; `rolled_back`: none."""

    RUNNING = "running"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much worse than the current version a candidate may be before it is rolled back.

    Args:
        errors: Percentage points by which its share of failed items may be higher.
        slowness: How many times as long as the current version it may take for nine of ten items.
        samples: Ended items of each version without which nothing is compared.

    """

    errors: float = 5.0
    slowness: float = 1.5
    samples: int = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """Which new items begin with the candidate.

    Args:
        candidate: Its major version.
        share: Per cent of the keys of all tenants, 0 to 100; a key is always of the same side, and a
            higher share keeps those of a lower one.
        tenants: Tenants all of whose new items begin with it.
        bounds: When it is rolled back by itself.

    """

    candidate: int
    share: float = 0.0
    tenants: tuple[str, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout of a scenario; times are seconds since 1970.

    Args:
        id: Its number.
        scenario: Name of the scenario.
        current: Major version of the other new items, and of all after a roll back.
        plan: The candidate, its share and its bounds.
        state: What became of it.
        by: Who changed it last.
        reason: Why.
        begun_at: When the candidate got its first share.
        changed_at: When it was changed last.
        drained_at: When the version that it replaced had no item left; None before.

    """

    id: int
    scenario: str
    current: int
    plan: Plan
    state: RolloutState
    by: str
    reason: str
    begun_at: float
    changed_at: float
    drained_at: float | None

    @property
    def standard(self) -> int:
        """The major version of new items that are not in the candidate's share."""
        return self.plan.candidate if self.state is RolloutState.PROMOTED else self.current

    @property
    def replaced(self) -> int | None:
        """The major version that gets no new items any more; None while the rollout runs."""
        match self.state:
            case RolloutState.RUNNING:
                return None
            case RolloutState.PROMOTED:
                return self.current
            case RolloutState.ROLLED_BACK:
                return self.plan.candidate

    def major_for(self, tenant: str, key: str) -> int:
        """The major version that a new item begins with."""
        if self.state is not RolloutState.RUNNING:
            return self.standard
        chosen = tenant in self.plan.tenants or self._place(tenant, key) < self.plan.share
        return self.plan.candidate if chosen else self.current

    def _place(self, tenant: str, key: str) -> float:
        """Where the key stands between 0 and 100, for this candidate: the same in every process."""
        name = f"{self.scenario}:{self.plan.candidate}:{tenant}:{key}"
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        return number / 2**64 * ALL

    def values(self) -> dict[str, Any]:
        """What the audit log has of it."""
        return asdict(self.plan) | {"current": self.current, "state": self.state.value}


class RolloutRefused(AgentError):
    """The rollout cannot be begun or changed so; nothing was changed."""

    def __init__(self, scenario: str, problem: str) -> None:
        super().__init__(scenario, problem)
        self.scenario, self.problem = scenario, problem

    def __str__(self) -> str:
        return f"{self.scenario}: {self.problem}"


async def latest(connection: AsyncConnection, scenario: str) -> Rollout | None:
    """The rollout that decides about new items of the scenario; None if there was none yet."""
    query = select(rollouts).where(rollouts.c.scenario == scenario)
    row = (await connection.execute(query.order_by(rollouts.c.id.desc()).limit(1))).first()
    return None if row is None else _rollout(row)


async def latest_of(database: Database, scenario: str) -> Rollout | None:
    """As `latest`, in a transaction of its own."""
    async with database.read() as connection:
        return await latest(connection, scenario)


async def begin(journal: Journal, scenario: Scenario, plan: Plan, by: str, reason: str) -> Rollout:
    """Give the candidate its share of new items, or change the share and bounds of a running rollout.

    Raises RolloutRefused if this code does not have the candidate, if it is the current version
    already, or while another candidate is being rolled out.
    """
    _check(scenario, plan)
    name, begun = scenario.name, None
    values = {
        "candidate": plan.candidate,
        "share": plan.share,
        "tenants": orjson.dumps(plan.tenants).decode(),
        **asdict(plan.bounds),
    }
    values |= {"state": RolloutState.RUNNING.value, "by": by, "reason": reason, "changed_at": now()}
    async with journal.database.write() as connection:
        found = await _locked(connection, name)
        current = major_of(scenario.version) if found is None else found.standard
        if current == plan.candidate:
            raise RolloutRefused(name, f"version {current} is the current one already")
        if found is not None and found.state is RolloutState.RUNNING:
            if (other := found.plan.candidate) != plan.candidate:
                raise RolloutRefused(name, f"promote version {other} or roll it back first")
            begun = found
            await connection.execute(
                update(rollouts).where(rollouts.c.id == begun.id).values(values)
            )
        else:
            values |= {"scenario": name, "current": current, "begun_at": now()}
            try:
                await connection.execute(insert(rollouts).values(values))
            except IntegrityError:
                raise RolloutRefused(name, "another rollout has just begun: look at it") from None
        return await _audited(connection, journal, "rollout", begun, name)


async def promote(journal: Journal, scenario: str, by: str, reason: str) -> Rollout:
    """Begin all new items with the candidate. Raises RolloutRefused if no rollout runs."""
    return await _end(journal, scenario, RolloutState.PROMOTED, by, reason)


async def roll_back(
    journal: Journal, scenario: str, by: str, reason: str, only: Rollout | None = None
) -> Rollout:
    """Begin all new items with the version before the candidate, also after it was promoted.

    Items that the candidate has begun stay with it. With `only`, nothing is done if that rollout has
    changed. Raises RolloutRefused if there is nothing to roll back.
    """
    return await _end(journal, scenario, RolloutState.ROLLED_BACK, by, reason, only)


_ENDS = {
    RolloutState.PROMOTED: ("promote", {RolloutState.RUNNING}),
    RolloutState.ROLLED_BACK: ("roll-back", {RolloutState.RUNNING, RolloutState.PROMOTED}),
}


async def _end(  # noqa: PLR0913 - who ends which rollout, how and why
    journal: Journal,
    scenario: str,
    state: RolloutState,
    by: str,
    reason: str,
    only: Rollout | None = None,
) -> Rollout:
    act, possible = _ENDS[state]
    changed = {"state": state.value, "by": by, "reason": reason, "changed_at": now()}
    async with journal.database.write() as connection:
        found = await _locked(connection, scenario)
        if found is None or found.state not in possible:
            last = "there was none yet" if found is None else f"the last one is {found.state}"
            raise RolloutRefused(scenario, f"there is no rollout to {act}: {last}")
        if only is not None and found != only:
            raise RolloutRefused(scenario, "the rollout has changed meanwhile")
        this = update(rollouts).where(rollouts.c.id == found.id)
        await connection.execute(this.values(changed | {"drained_at": None}))
        return await _audited(connection, journal, act, found, scenario)


async def _audited(
    connection: AsyncConnection,
    journal: Journal,
    act: str,
    before: Rollout | None,
    scenario: str,
) -> Rollout:
    """The rollout as it is now, with its entry in the audit log."""
    after = await latest(connection, scenario)
    assert after is not None
    was = {} if before is None else before.values()
    entry = AuditEntry(
        journal.tenant,
        after.by,
        act,
        f"versions of {scenario}",
        after.reason,
        was,
        after.values(),
    )
    await audit.write(connection, entry)
    return after


async def _locked(connection: AsyncConnection, scenario: str) -> Rollout | None:
    """As `latest`; no other transaction changes the rollout until this one ends."""
    query = select(rollouts).where(rollouts.c.scenario == scenario)
    newest = query.order_by(rollouts.c.id.desc()).limit(1).with_for_update()
    row = (await connection.execute(newest)).first()
    return None if row is None else _rollout(row)


def _check(scenario: Scenario, plan: Plan) -> None:
    if plan.candidate not in scenario.majors:
        known = ", ".join(map(str, scenario.majors))
        raise RolloutRefused(
            scenario.name,
            f"this code does not have version {plan.candidate}; it has {known}",
        )
    bounds = plan.bounds
    for name, value, least, most in (
        ("share", plan.share, 0.0, ALL),
        ("errors", bounds.errors, 0.0, ALL),
        ("slowness", bounds.slowness, 1.0, 1_000.0),
        ("samples", bounds.samples, 1, 10_000),
    ):
        if not least <= value <= most:
            raise RolloutRefused(scenario.name, f"{name} must be {least:g} to {most:g}")


_BOUNDS = tuple(one.name for one in fields(Bounds))


def _rollout(row: Row[Any]) -> Rollout:
    bounds = Bounds(**{name: getattr(row, name) for name in _BOUNDS})
    plan = Plan(row.candidate, row.share, tuple(orjson.loads(row.tenants)), bounds)
    return Rollout(
        *(row.id, row.scenario, row.current, plan, RolloutState(row.state)),
        *(row.by, row.reason, row.begun_at, row.changed_at, row.drained_at),
    )
