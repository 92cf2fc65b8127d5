"""The versions of a scenario as people see them: share, items, failures, durations, and what to do."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.rollouts import Rollout, RolloutState, latest_of
from agents.runtime.journal.version_use import (
    Sample,
    Unfinished,
    samples,
    unfinished_by_version,
)
from agents.runtime.model.scenario import Scenario
from agents.runtime.recovery.versions import BEFORE_SECONDS, compare, standard_here


class Role(StrEnum):
    """What a version is for.

    `current` begins new items, `candidate` its share of them, `draining` finishes what it began, and
    `drained` was replaced and has nothing left, so that its code can be removed. `unused` has nothing
    to do either, but the latest rollout has not replaced it: it may be rolled out. `missing` has items
    that neither this code nor a living worker can process.
    """

    CURRENT = "current"
    CANDIDATE = "candidate"
    DRAINING = "draining"
    DRAINED = "drained"
    UNUSED = "unused"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class VersionView:
    """One major version of a scenario.

    Args:
        version: Its version in this code, such as "2.1"; its major alone if this code does not have it.
        role: What it is for now.
        share: Per cent of the new items that begin with it, beside those of the candidate's tenants.
        use: What it has to do.
        sample: How its items ended, since the rollout began or of the last day.

    """

    version: str
    role: Role
    share: float
    use: Unfinished
    sample: Sample


async def version_views(
    journal: Journal, scenario: Scenario
) -> tuple[list[VersionView], Rollout | None]:
    """The versions that this code has or that have items left, by major; and the latest rollout."""
    found = await latest_of(journal.database, scenario.name)
    use = await unfinished_by_version(journal.database, scenario.name, scenario.majors)
    ended = await _samples(journal, scenario, found, list(use))
    views = []
    for major, one in use.items():
        here = scenario.of(str(major))
        role = _role(major, scenario, found, one)
        version = here.version if here else str(major)
        views.append(VersionView(version, role, _share(role, found), one, ended[major]))
    return views, found


async def _samples(
    journal: Journal, scenario: Scenario, found: Rollout | None, majors: list[int]
) -> dict[int, Sample]:
    async with journal.database.read() as connection:
        at = float(await connection.scalar(select(now())) or 0.0)
    latest = await samples(
        journal.database, scenario.name, dict.fromkeys(majors, at - BEFORE_SECONDS)
    )
    if found is not None and found.state is RolloutState.RUNNING:
        compared = await compare(journal, found)
        latest |= {found.current: compared.current, found.plan.candidate: compared.candidate}
    return latest


def _role(major: int, scenario: Scenario, found: Rollout | None, use: Unfinished) -> Role:
    if major not in scenario.majors and not use.workers and not use.is_drained:
        return Role.MISSING
    if major == standard_here(scenario, found):
        return Role.CURRENT
    if found is not None and found.state is RolloutState.RUNNING and major == found.plan.candidate:
        return Role.CANDIDATE
    if not use.is_drained:
        return Role.DRAINING
    return Role.DRAINED if found is not None and major == found.replaced else Role.UNUSED


def _share(role: Role, found: Rollout | None) -> float:
    given = found.plan.share if found and found.state is RolloutState.RUNNING else 0.0
    return {Role.CURRENT: 100.0 - given, Role.CANDIDATE: given}.get(role, 0.0)
