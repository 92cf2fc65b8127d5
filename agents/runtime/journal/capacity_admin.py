"""What deployments and operators do to capacities: declare them, set one, remove one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal, audit
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.capacities import lock
from agents.runtime.journal.database import Database
from agents.runtime.journal.resources import wake
from agents.runtime.journal.scheduling_schema import capacities
from agents.runtime.journal.statements import insert_many, insert_or_replace
from agents.runtime.scheduling.reservations import AtLimit, BadAmount, checked

LONGEST_WINDOW = 366 * 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class CapacitySetting:
    """How much there is of a resource: for all tenants, or for one.

    With `window_seconds` it is a quota: at most `amount` is used in any such time. `at_limit` says what a
    quota does with items beyond it.
    """

    resource: str
    amount: float
    tenant: str = ""
    window_seconds: float | None = None
    at_limit: str | None = None

    def __str__(self) -> str:
        window = f" in {self.window_seconds:,g} s" if self.window_seconds else ""
        scope = f" for tenant {self.tenant}" if self.tenant else ""
        return f"{self.resource} {self.amount:,.15g}{window}{scope}"

    def require_valid(self) -> None:
        """Raise BadCapacity if a value is outside of its limits."""
        try:
            checked({self.resource: self.amount})
        except BadAmount as error:
            raise BadCapacity(str(error)) from None
        if self.at_limit is not None and self.at_limit not in list(AtLimit):
            raise BadCapacity(f"{self.resource}: at its limit a budget can {', '.join(AtLimit)}")
        if self.at_limit is not None and self.window_seconds is None:
            raise BadCapacity(f"{self.resource}: a budget is a quota, which has a window")
        window = self.window_seconds
        if window is not None and not 1.0 <= window <= LONGEST_WINDOW:
            raise BadCapacity(f"{self.resource}: the window of a quota is 1 second to 366 days")


class BadCapacity(AgentError):
    """A capacity with a value outside of its limits."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


async def set_capacity(
    journal: Journal, setting: CapacitySetting, by: str, reason: str
) -> set[str]:
    """Set a capacity for this installation, and let items be due that it blocks no longer.

    Steps that hold more than a lower capacity keep that until they end; an item that needs more than there
    is now is parked at its next try. Returns the scenarios of the items that are due now. Raises BadCapacity.
    """
    setting.require_valid()
    async with journal.database.write() as connection:
        return await _change(connection, journal, setting, setting, by, reason)


async def remove_capacity(
    journal: Journal, resource: str, tenant: str, by: str, reason: str
) -> set[str]:
    """Let the resource be unlimited; returns the scenarios of the items that are due now."""
    async with journal.database.write() as connection:
        gone = CapacitySetting(resource, 0.0, tenant)
        return await _change(connection, journal, gone, None, by, reason)


async def declare(connection: AsyncConnection, declared: Sequence[CapacitySetting]) -> list[str]:
    """Set what a deployment declares, remove what an earlier one did; returns the changes, in words.

    What an operator has set on this installation stays as it is. Declared again, nothing changes.
    Raises BadCapacity.
    """
    for setting in declared:
        setting.require_valid()
    rows = (await connection.execute(select(capacities))).all()
    known = {(row.resource, row.tenant): row for row in rows}
    changed = list[str]()
    for setting in declared:
        row = known.pop((setting.resource, setting.tenant), None)
        if row is None or (not row.set_by and _setting(row) != setting):
            await _put(connection, setting, setting, None)
            changed.append(f"set capacity {setting}")
    for row in known.values():
        if not row.set_by:
            await _put(connection, _setting(row), None, None)
            changed.append(f"remove capacity {_setting(row)}, which is no longer declared")
    return changed


async def differences(database: Database, declared: Sequence[CapacitySetting]) -> list[str]:
    """What operators have set otherwise than a deployment declares it, and what is not applied yet."""
    async with database.read() as connection:
        rows = (await connection.execute(select(capacities))).all()
    known = {(row.resource, row.tenant): row for row in rows}
    found = list[str]()
    for setting in declared:
        row = known.get((setting.resource, setting.tenant))
        if row is None:
            found.append(f"{setting} is declared and not applied: unlimited until then")
        elif _setting(row) != setting:
            by = f"set by {row.set_by}" if row.set_by else "of an earlier deployment"
            found.append(f"{_setting(row)}, {by}; declared is {setting}")
    return found


async def _change(  # noqa: PLR0913 - what changes, by whom and why
    connection: AsyncConnection,
    journal: Journal,
    of: CapacitySetting,
    to: CapacitySetting | None,
    by: str,
    reason: str,
) -> set[str]:
    await lock(connection, [of.resource])
    before = (await connection.execute(select(capacities).where(_this(of)))).first()
    values = asdict(_setting(before)) if before else {}, asdict(to) if to else {}
    entry = AuditEntry(
        of.tenant or journal.tenant, by, "set-capacity", f"resource {of.resource}", reason, *values
    )
    await audit.write(connection, entry)
    return await _put(connection, of, to, by)


async def _put(
    connection: AsyncConnection, of: CapacitySetting, to: CapacitySetting | None, by: str | None
) -> set[str]:
    """Write the capacity, or delete it; returns the scenarios of the items that are due now."""
    locked = await lock(connection, [of.resource])
    if to is None:
        await connection.execute(delete(capacities).where(_this(of)))
    else:
        await _write(connection, to, by)
        locked = await lock(connection, [of.resource])  # a new one is locked too
    # Without its capacity nothing blocks those who stand in its line: they find that out when they are due.
    for capacity in locked.capacities:
        if capacity.scope == of.tenant and to is None:
            capacity.amount = 1e300
    return await wake(connection, locked)


async def _write(connection: AsyncConnection, setting: CapacitySetting, by: str | None) -> None:
    statement = insert_or_replace(connection, capacities)
    await insert_many(connection, statement, [asdict(setting) | {"set_by": by}])


def _this(setting: CapacitySetting) -> ColumnElement[bool]:
    return and_(capacities.c.resource == setting.resource, capacities.c.tenant == setting.tenant)


def _setting(row: Row[Any]) -> CapacitySetting:
    return CapacitySetting(row.resource, row.amount, row.tenant, row.window_seconds, row.at_limit)
