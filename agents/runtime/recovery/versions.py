"""The watch over versions: rolls back a candidate that is worse, alerts about drained and missing ones.

Consumers and `recover` do it; the first of them acts, once.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import update

from agents.runtime.alerts import Alert, send
from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import rollouts
from agents.runtime.journal.rollouts import (
    Rollout,
    RolloutRefused,
    RolloutState,
    latest_of,
    roll_back,
)
from agents.runtime.journal.version_use import (
    Sample,
    overdue,
    samples,
    unfinished_by_version,
)
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import major_of
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

WATCH = "watch"  # the name under which the audit log has these acts
LOOK_SECONDS = 5.0
BEFORE_SECONDS = 86_400.0  # of the current version's items before the rollout that count as well
MOST, SLOW_ONE_IN = 0.9, 10  # nine of ten items are compared, one in ten may take longer


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidate of a rollout beside the current version.

    `late` candidate items are in work for longer than the bound allows and have not ended.
    """

    rollout: Rollout
    current: Sample
    candidate: Sample
    late: int

    @property
    def is_possible(self) -> bool:
        """Whether both versions have enough items."""
        least = self.rollout.plan.bounds.samples
        return self.current.ended >= least and self.candidate.ended + self.late >= least

    @property
    def longest(self) -> float:
        """Seconds within which nine of ten candidate items must end; infinite without a comparison."""
        return longest(self.rollout, self.current)

    @property
    def problem(self) -> str | None:
        """How the candidate is worse than its bounds allow, in figures; None if it is not."""
        if not self.is_possible:
            return None
        here, new, bounds = (
            self.rollout.current,
            self.rollout.plan.candidate,
            self.rollout.plan.bounds,
        )
        more = self.candidate.error_rate - self.current.error_rate
        if more > bounds.errors:
            return (
                f"version {new} failed for {self.candidate.error_rate:.1f} % of "
                f"{self.candidate.ended:,} items, version {here} for {self.current.error_rate:.1f} % "
                f"of {self.current.ended:,}: {more:.1f} percentage points more, "
                f"the bound is {bounds.errors:g}"
            )
        slow = self.late + sum(seconds > self.longest for seconds in self.candidate.seconds)
        total = self.candidate.ended + self.late
        if slow * SLOW_ONE_IN > total:
            return (
                f"{slow:,} of {total:,} items of version {new} took longer than {self.longest:.3g} s, "
                f"which is {bounds.slowness:g} times as long as nine of ten items of version {here} "
                f"need: one in ten may"
            )
        return None


def longest(rollout: Rollout, current: Sample) -> float:
    """Seconds within which nine of ten items of the candidate must end."""
    usual = current.seconds_of(MOST)
    return math.inf if usual is None else usual * rollout.plan.bounds.slowness


def standard_here(scenario: Scenario, found: Rollout | None) -> int:
    """The major version that this code begins new items with, apart from a candidate's share.

    Code that does not have the version of the rollout begins them with its own.
    """
    if found is not None and found.standard in scenario.majors:
        return found.standard
    return major_of(scenario.version)


async def compare(journal: Journal, rollout: Rollout) -> Comparison:
    """Compare the candidate with the current version, by the items accepted since the rollout began.

    For the current version, those of the day before count as well.
    """
    here, new, begun = rollout.current, rollout.plan.candidate, rollout.begun_at
    since = {here: begun - BEFORE_SECONDS, new: begun}
    found = await samples(journal.database, rollout.scenario, since)
    limit, late = longest(rollout, found[here]), 0
    if not math.isinf(limit):
        late = await overdue(journal.database, rollout.scenario, new, begun, limit)
    return Comparison(rollout, found[here], found[new], late)


@asynccontextmanager
async def watching(journal: Journal, scenario: Scenario) -> AsyncIterator[None]:
    """Watch the versions of the scenario within the block, and say at once which are missing."""
    await alert_missing(journal, scenario)
    watch = asyncio.create_task(_watch(journal, scenario))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(journal: Journal, scenario: Scenario) -> None:
    while True:  # until the block ends
        try:
            await watch_versions(journal, scenario)
        except Exception as error:  # noqa: BLE001 - the work goes on, and so does the watch
            log.warning("versions are not compared now", scenario=scenario.name, reason=str(error))
        await asyncio.sleep(LOOK_SECONDS)


async def watch_versions(journal: Journal, scenario: Scenario) -> dict[str, int]:
    """Roll back a candidate that is worse; alert once that a replaced version is drained.

    Returns how many versions were rolled back and drained.
    """
    done = {"versions rolled back": 0, "versions drained": 0}
    found = await latest_of(journal.database, scenario.name)
    if found is None or found.replaced == standard_here(scenario, found):
        return done
    if found.state is RolloutState.RUNNING:
        done["versions rolled back"] = int(await _guard(journal, found))
    elif found.drained_at is None:
        done["versions drained"] = int(await _alert_drained(journal, found))
    return done


async def _guard(journal: Journal, found: Rollout) -> bool:
    problem = (await compare(journal, found)).problem
    if problem is None:
        return False
    with suppress(RolloutRefused):  # another process, or a person, was faster
        await roll_back(journal, found.scenario, WATCH, problem, only=found)
        await send([Alert("rolled-back", found.scenario, _name(found.plan.candidate), problem)])
        return True
    return False


async def _alert_drained(journal: Journal, found: Rollout) -> bool:
    assert found.replaced is not None, "the rollout has ended"
    use = await unfinished_by_version(journal.database, found.scenario, [found.replaced])
    if not use[found.replaced].is_drained:
        return False
    this = (rollouts.c.id == found.id) & rollouts.c.drained_at.is_(None)
    drained = update(rollouts).where(this, rollouts.c.state == found.state)
    async with journal.database.write() as connection:
        marked = await connection.execute(drained.values(drained_at=now()).returning(rollouts.c.id))
        is_first = marked.first() is not None
    if is_first:
        reason = f"no item of version {found.replaced} is left: its code can be removed"
        await send([Alert("drained", found.scenario, _name(found.replaced), reason)])
    return is_first


async def alert_missing(journal: Journal, scenario: Scenario) -> Sequence[int]:
    """Alert about versions with unfinished items that neither this code nor a living worker has.

    The items stay as they are, until a process that has their version takes them. Returns the majors.
    The version of the rollout is missing as well if nobody has it.
    """
    found = await latest_of(journal.database, scenario.name)
    wanted = {found.standard} if found is not None else set[int]()
    use = await unfinished_by_version(journal.database, scenario.name, wanted)
    missing = {
        major: one
        for major, one in use.items()
        if major not in scenario.majors and not one.workers
        if major in wanted or not one.is_drained
    }
    own = f"new items begin with version {major_of(scenario.version)} instead, and "
    await send(
        Alert(
            "version-missing",
            scenario.name,
            _name(major),
            f"{own if major in wanted else ''}"
            f"{one.queued:,} queued and {one.begun:,} begun items and {one.dead_letters:,} dead letters "
            f"are of version {major}, which no process has: start one whose code has it",
        )
        for major, one in missing.items()
    )
    return sorted(missing)


def _name(major: int) -> str:
    return f"version {major}"
