"""Resources: how much there is of each, what is used and reserved, who waits; set or remove a capacity.

`python -m flows.operations resources` has it as a command.
"""

import re
from typing import Annotated

from cyclopts import Parameter
from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal.capacity_admin import (
    BadCapacity,
    CapacitySetting,
    remove_capacity,
    set_capacity,
)
from agents.runtime.journal.resource_use import ResourceUse, usage
from agents.runtime.redis.signals import signals
from agents.runtime.scheduling.eta import duration
from agents.runtime.scheduling.reservations import AtLimit, amount
from agents.runtime.settings import Settings, settings
from flows.cli.parameters import By, Reason
from flows.cli.reports import Listing, shown

Change = Annotated[str | None, Parameter(name="--set"), Field(max_length=200)]
UNSAID = "-"
UNITS = {"s": 1.0, "second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
CHANGE = re.compile(r"(?P<name>[^=/]+)=(?P<amount>[^/]+)(/(?P<window>[^/]+))?")


@flow(name="resources", flow_run_name="resources", persist_result=False)
async def resources(
    change: Change = None,
    tenant: str = "",
    at_limit: AtLimit | None = None,
    by: By = UNSAID,
    reason: Reason = UNSAID,
) -> Listing:
    """List each resource: how much there is, in use, reserved, and who waits; or set a capacity first.

    A set capacity holds on this installation until it is set again: `deployments.apply` leaves it alone.
    Items that it blocks no longer go on at once. What runs keeps what it holds, and an item that needs
    more than there is now is parked.

    Example: `uv run python -m flows.operations resources --set cpu=8 --by ann --reason "two more cores"`

    Args:
        change: Capacity to set: cpu=8, or a quota such as tokens=90000/minute; cpu=none removes it.
        tenant: Tenant whose capacity is set; without it, that of all tenants together.
        at_limit: Makes a quota a budget: beyond it items pause, ask a person, or get the cheaper version.
        by: Your name, kept in the audit log; needed to set a capacity.
        reason: Why you set it, kept in the audit log; needed too.

    """
    if change is not None and UNSAID in (by, reason):
        raise BadCapacity("say who sets a capacity and why: add --by and --reason")
    asked = None if change is None else _asked(change, tenant, at_limit)
    async with open_runtime(settings()) as opened:
        if asked is not None:
            name, setting = asked
            journal = opened.journal
            if setting is None:
                due = await remove_capacity(journal, name, tenant, by, reason)
            else:
                due = await set_capacity(journal, setting, by, reason)
            await _wake(settings(), due)
        found = await usage(opened.journal.database)
    waiting = sum(use.waiting for use in found)
    title = f"capacities: {len(found):,}; steps that wait: {waiting:,}"
    table, lines = [_row(use) for use in found], [_line(use) for use in found if use.first]
    lines += [] if found else ["no capacity is set: every resource is unlimited"]
    return await shown("resources", Listing(title=title, table=table, lines=lines))


def _asked(
    change: str, tenant: str, at_limit: AtLimit | None
) -> tuple[str, CapacitySetting | None]:
    """The resource and its capacity as an operator writes it, None to remove it. Raises BadCapacity."""
    found = CHANGE.fullmatch(change.strip())
    if found is None:
        raise BadCapacity(f"{change!r:.80} sets no capacity: write cpu=8 or tokens=90000/minute")
    name, text, window = found["name"].strip(), found["amount"].strip(), found["window"]
    if text == "none":
        return name, None
    try:
        number, seconds = float(text), _seconds(window) if window else None
    except ValueError:
        units = ", ".join(UNITS)
        raise BadCapacity(
            f"{change!r:.80}: an amount is a number, and a window is {units} or a number of seconds"
        ) from None
    setting = CapacitySetting(name, number, tenant, seconds, at_limit)
    setting.require_valid()
    return name, setting


def _seconds(window: str) -> float:
    """Seconds of `minute`, `90` or `90s`."""
    word = window.strip()
    return UNITS[word] if word in UNITS else float(word.removesuffix("s"))


async def _wake(found: Settings, scenarios: set[str]) -> None:
    async with signals(found) as woken:
        for scenario in sorted(scenarios):
            await woken.wake(scenario)


def _row(use: ResourceUse) -> dict[str, str]:
    return {
        "resource": use.resource,
        "tenant": use.tenant or "all",
        "capacity": _capacity(use),
        "in use": amount(use.used),
        "reserved": amount(use.reserved) if use.first else "",
        "waiting": f"{use.waiting:,}",
        "longest": duration(use.first.seconds) if use.first else "",
        "set by": use.set_by or "deployment",
    }


def _capacity(use: ResourceUse) -> str:
    if use.window_seconds is None:
        return amount(use.amount)
    beyond = f", then {use.at_limit}" if use.at_limit else ""
    return f"{amount(use.amount)} in {duration(use.window_seconds)}{beyond}"


def _line(use: ResourceUse) -> str:
    first = use.first
    assert first is not None
    return (
        f"{use.resource}: {first.scenario} {first.key} of {first.tenant} waits longest, for "
        f"{duration(first.seconds)}: {first.agent} needs {amount(first.amount)}"
    )
