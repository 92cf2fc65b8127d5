"""Versions of agents in flight: list them, roll a new one out to some items, promote it, roll it back.

`python -m flows.operations` has them as commands.
"""

from typing import Annotated

from cyclopts import Parameter
from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal import rollouts
from agents.runtime.journal.rollouts import Bounds, Plan, Rollout, RolloutState
from agents.runtime.recovery.version_views import VersionView, version_views
from agents.runtime.settings import settings
from flows.cli.parameters import By, Reason, ScenarioName
from flows.cli.reports import Listing, shown
from flows.workflows import WORKFLOWS

USUAL = Bounds()
Percent = Annotated[float, Field(ge=0, le=100)]
Major = Annotated[int, Field(ge=1, le=1_000)]
Tenants = Annotated[list[str] | None, Parameter(name="--tenant"), Field(max_length=1_000)]


@flow(name="versions", flow_run_name="versions of {scenario}", persist_result=False)
async def versions(scenario: ScenarioName = "orders") -> Listing:
    """List the versions of a scenario: their share of new items, what they have to do, how items end.

    Failures and durations are those since the rollout began, or of the last day. A version that is
    drained has no item left: its code can be removed.

    Example: `uv run python -m flows.operations versions --scenario invoices`

    Args:
        scenario: Scenario whose versions are listed.

    """
    async with open_runtime(settings()) as opened:
        views, found = await version_views(opened.journal, WORKFLOWS[scenario].scenario)
    title = f"{len(views)} versions of {scenario}"
    listing = Listing(title=title, table=[_row(view) for view in views], lines=_lines(found))
    return await shown("versions", listing)


def _row(view: VersionView) -> dict[str, str]:
    usual, most = view.sample.seconds_of(0.5), view.sample.seconds_of(0.9)
    return {
        "version": view.version,
        "role": view.role,
        "new items": f"{view.share:g} %",
        "queued": f"{view.use.queued:,}",
        "begun": f"{view.use.begun:,}",
        "dead letters": f"{view.use.dead_letters:,}",
        "workers": f"{view.use.workers:,}",
        "ended": f"{view.sample.ended:,}",
        "failed": f"{view.sample.error_rate:.1f} %",
        "half within": "" if usual is None else f"{usual:,.1f} s",
        "90 % within": "" if most is None else f"{most:,.1f} s",
    }


def _lines(found: Rollout | None) -> list[str]:
    if found is None:
        return []
    lines = [f"version {found.plan.candidate} is {found.state}, by {found.by}: {found.reason}"]
    if found.state is RolloutState.RUNNING:
        bounds = found.plan.bounds
        lines.append(
            f"it is rolled back if it fails for {bounds.errors:g} percentage points more than version "
            f"{found.current} or takes {bounds.slowness:g} times as long, from {bounds.samples:,} items on"
        )
        if found.plan.tenants:
            lines.append(
                f"all items of these tenants begin with it: {', '.join(found.plan.tenants)}"
            )
    return lines


@flow(
    name="rollout",
    flow_run_name="rollout of {scenario} {candidate}: {share} %",
    persist_result=False,
)
async def rollout(  # noqa: PLR0913 - each is set by people
    candidate: Major,
    by: By,
    reason: Reason,
    share: Percent = 0.0,
    tenants: Tenants = None,
    errors: Percent = USUAL.errors,
    slowness: Annotated[float, Field(ge=1, le=1_000)] = USUAL.slowness,
    samples: Annotated[int, Field(ge=1, le=10_000)] = USUAL.samples,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Begin a share of the new items with another version; call it again to change the share.

    Items that have begun stay with their version. A version that is worse than its bounds allow is
    rolled back by itself, by `recover` and by consumers.

    Example: `uv run python -m flows.operations rollout 2 --share 10 --scenario invoices --by ann --reason "asks first"`

    Args:
        candidate: Major version to roll out, which the code must have.
        by: Your name, kept in the audit log.
        reason: Why you roll it out, kept in the audit log.
        share: Per cent of the new items, chosen by their keys.
        tenants: Tenants all of whose new items begin with it.
        errors: Roll it back if it fails for more than this many percentage points more items.
        slowness: Roll it back if it takes more than this many times as long for nine of ten items.
        samples: Ended items of each version from which on they are compared.
        scenario: Scenario of the version.

    """
    plan = Plan(candidate, share, tuple(tenants or ()), Bounds(errors, slowness, samples))
    async with open_runtime(settings()) as opened:
        found = await rollouts.begin(opened.journal, WORKFLOWS[scenario].scenario, plan, by, reason)
    return Listing(
        title=f"{scenario}: {share:g} % of new items begin with version {candidate}",
        lines=_lines(found),
    )


@flow(name="promote", flow_run_name="promote the candidate of {scenario}", persist_result=False)
async def promote(by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Begin all new items with the version that is being rolled out, at once in all processes.

    Example: `uv run python -m flows.operations promote --scenario invoices --by ann --reason "as good as before"`

    Args:
        by: Your name, kept in the audit log.
        reason: Why you promote it, kept in the audit log.
        scenario: Scenario of the version.

    """
    async with open_runtime(settings()) as opened:
        found = await rollouts.promote(opened.journal, scenario, by, reason)
    return Listing(title=_ended(found))


@flow(name="roll-back", flow_run_name="roll back the candidate of {scenario}", persist_result=False)
async def roll_back(by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Begin all new items with the version before, at once in all processes; also after `promote`.

    Items that the other version has begun stay with it.

    Example: `uv run python -m flows.operations roll-back --scenario invoices --by ann --reason "books too late"`

    Args:
        by: Your name, kept in the audit log.
        reason: Why you roll it back, kept in the audit log.
        scenario: Scenario of the version.

    """
    async with open_runtime(settings()) as opened:
        found = await rollouts.roll_back(opened.journal, scenario, by, reason)
    return Listing(title=_ended(found))


def _ended(found: Rollout) -> str:
    return (
        f"{found.scenario}: new items begin with version {found.standard}, "
        f"items of version {found.replaced} are finished by it"
    )
