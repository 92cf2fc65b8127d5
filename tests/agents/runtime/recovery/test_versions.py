"""The watch over versions: a worse candidate is rolled back, a drained or missing one is an alert."""

from collections import Counter
from dataclasses import replace

import orjson
import pytest
from sqlalchemy import case, select, update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.journal.rollouts import (
    Bounds,
    Plan,
    Rollout,
    RolloutState,
    begin,
    latest_of,
    promote,
    roll_back,
)
from agents.runtime.journal.schema import history, items
from agents.runtime.journal.version_use import Sample, register_versions, unfinished_by_version
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Scenario
from agents.runtime.recovery.version_views import Role, version_views
from agents.runtime.recovery.versions import (
    Comparison,
    alert_missing,
    watch_versions,
    watching,
)
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    JOBS,
    AnyAgent,
    Job,
    Killed,
    change,
    crashing_runtime,
    jobs,
    rows,
    run,
    until,
)
from tests.agents.runtime.versions import BOTH, SECOND, enqueue

pytestmark = pytest.mark.usefixtures("no_waits")

ANN = ("ann", "tried it for a week")
FEW = Bounds(errors=10.0, slowness=2.0, samples=10)
NOTHING = {"versions rolled back": 0, "versions drained": 0}


def failing(each: int) -> AnyAgent:
    """An agent that fails for each job whose number is a multiple of `each`; 0: for none."""

    @agent(PURE)
    def work(job: Job) -> None:
        if each and job.n % each == 0:
            raise ValueError("a bug of this version")

    return work


async def ended(scenario: Scenario, first: int, last: int, each: int = 0) -> None:
    """Process jobs with these numbers in the version of the scenario."""
    await run(jobs(last)[first:], failing(each), scenario=scenario)


async def all_take(seconds: float, opened: Runtime, *, second_waited: float = 0.0) -> None:
    """Let all ended items have taken as long, however long this machine took; those of version 2 waited."""
    waited = case((items.c.major == 2, second_waited), else_=0.0)
    begins = select(items.c.accepted_at + waited).where(items.c.id == history.c.item)
    begun = (
        update(history).values(at=begins.scalar_subquery()).where(history.c.target == "processing")
    )
    took = update(items).values(ended_at=items.c.accepted_at + waited + seconds)
    async with opened.journal.database.write() as connection:
        await connection.execute(begun)
        await connection.execute(took.where(items.c.ended_at.is_not(None)))


async def running(opened: Runtime, bounds: Bounds = FEW) -> Rollout:
    return await begin(opened.journal, BOTH, Plan(2, 50.0, bounds=bounds), *ANN)


async def state_of(opened: Runtime) -> tuple[RolloutState, str]:
    found = await latest_of(opened.journal.database, "jobs")
    assert found is not None
    return found.state, found.by


def alerts(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    lines = [orjson.loads(r.getMessage()) for r in caplog.records if r.name.endswith("alerts")]
    return [(line["event"], line["item"], line["reason"]) for line in lines]


async def test_a_candidate_that_fails_more_is_rolled_back_and_the_alert_has_the_figures(
    opened: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    await ended(JOBS, 0, 20, each=20)
    await running(opened)
    await ended(SECOND, 20, 40, each=4)
    caplog.clear()
    assert await watch_versions(opened.journal, BOTH) == NOTHING | {"versions rolled back": 1}
    problem = (
        "version 2 failed for 25.0 % of 20 items, version 1 for 5.0 % of 20: "
        "20.0 percentage points more, the bound is 10"
    )
    assert alerts(caplog) == [("rolled-back", "version 2", problem)]
    assert await state_of(opened) == (RolloutState.ROLLED_BACK, "watch")
    (entry,) = await entries(opened.journal, AuditFilter(act="roll-back"))
    assert (entry.entry.by, entry.entry.reason) == ("watch", problem)
    assert (await watch_versions(opened.journal, BOTH))["versions rolled back"] == 0


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_candidate_that_is_as_good_stays_and_few_items_say_nothing(opened: Runtime) -> None:
    await ended(JOBS, 0, 20, each=5)
    await running(opened)
    await ended(SECOND, 20, 25, each=1)
    assert await watch_versions(opened.journal, BOTH) == NOTHING, "five items are too few"
    await ended(SECOND, 25, 75, each=5)
    await all_take(1.0, opened)
    assert await watch_versions(opened.journal, BOTH) == NOTHING
    assert await state_of(opened) == (RolloutState.RUNNING, "ann")


async def test_what_items_have_waited_in_the_queue_says_nothing(opened: Runtime) -> None:
    await ended(JOBS, 0, 20)
    await all_take(1.0, opened)
    await running(opened)
    await ended(SECOND, 20, 40)
    await all_take(1.0, opened, second_waited=1_000.0)
    assert await watch_versions(opened.journal, BOTH) == NOTHING


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_candidate_that_hangs_is_rolled_back_though_nothing_of_it_ends(
    journal_settings: Settings,
) -> None:
    @agent(PURE)
    def hang(_job: Job) -> None:
        raise Killed

    async with open_runtime(journal_settings) as opened:
        await ended(JOBS, 0, 20)
        await running(opened, replace(FEW, samples=5))
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(26)[20:], hang, scenario=SECOND)
    async with open_runtime(journal_settings) as opened:
        # Items of version 1 took a tenth of a second; those of version 2 were accepted long ago.
        async with opened.journal.database.write() as connection:
            for statement in (
                "UPDATE items SET accepted_at = 1.0, ended_at = 1.1 WHERE major = 1",
                "UPDATE items SET accepted_at = 2.0 WHERE major = 2",
                "UPDATE history SET at = 1.0 WHERE target = 'processing'",
                "UPDATE rollouts SET begun_at = 2.0",
            ):
                await connection.exec_driver_sql(statement)
        assert (await watch_versions(opened.journal, BOTH))["versions rolled back"] == 1
        (entry,) = await entries(opened.journal, AuditFilter(act="roll-back"))
        assert entry.entry.reason.startswith("6 of 6 items of version 2 took longer than 0.2 s")


def compared(current: Sample, candidate: Sample, late: int = 0) -> str | None:
    plan = Plan(2, bounds=Bounds(errors=5.0, slowness=1.5, samples=10))
    rollout = Rollout(1, "jobs", 1, plan, RolloutState.RUNNING, *ANN, 0.0, 0.0, None)
    return Comparison(rollout, current, candidate, late).problem


def test_nine_of_ten_items_may_take_the_bounds_times_as_long() -> None:
    current = Sample(seconds=[1.0] * 95 + [60.0] * 5)
    assert compared(current, Sample(seconds=[1.4] * 100)) is None
    assert compared(current, Sample(seconds=[1.4] * 90 + [9.0] * 10)) is None
    assert compared(current, Sample(seconds=[1.4] * 89 + [9.0] * 11)) == (
        "11 of 100 items of version 2 took longer than 1.5 s, which is 1.5 times as long as nine of "
        "ten items of version 1 need: one in ten may"
    )
    assert compared(current, Sample(seconds=[1.4] * 89), late=11) is not None
    assert compared(Sample(seconds=[1.0] * 9), Sample(seconds=[9.0] * 50)) is None, "too few"


def test_failures_are_compared_in_percentage_points() -> None:
    current = Sample(failed=10, seconds=[1.0] * 100)
    assert compared(current, Sample(failed=15, seconds=[1.0] * 100)) is None
    assert compared(current, Sample(failed=16, seconds=[1.0] * 100)) is not None
    assert compared(current, Sample(failed=6, seconds=[1.0] * 94, letters=6)) is None
    assert compared(current, Sample(failed=16, seconds=[1.0] * 84, letters=16)) is not None


async def test_an_alert_says_once_that_nothing_of_a_replaced_version_is_left(
    opened: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    journal = opened.journal
    await enqueue(JOBS, 0, 2)
    await running(opened)
    await promote(journal, "jobs", *ANN)
    caplog.clear()
    assert await watch_versions(journal, BOTH) == NOTHING
    assert [view.role for view in (await version_views(journal, BOTH))[0]] == [
        Role.DRAINING,
        Role.CURRENT,
    ]
    await ended(JOBS, 0, 2)
    assert await watch_versions(journal, BOTH) == NOTHING | {"versions drained": 1}
    assert await watch_versions(journal, BOTH) == NOTHING
    drained = "no item of version 1 is left: its code can be removed"
    assert alerts(caplog) == [("drained", "version 1", drained)]
    assert [view.role for view in (await version_views(journal, BOTH))[0]] == [
        Role.DRAINED,
        Role.CURRENT,
    ]
    # Its code is removed: everything goes on, and nothing is missing.
    assert await alert_missing(journal, SECOND) == []
    await enqueue(SECOND, 2, 3)
    await ended(SECOND, 2, 3)
    assert [view.version for view in (await version_views(journal, SECOND))[0]] == ["2"]


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_dead_letter_keeps_its_version_from_being_drained(opened: Runtime) -> None:
    await ended(JOBS, 0, 1, each=1)
    await running(opened)
    await promote(opened.journal, "jobs", *ANN)
    assert await watch_versions(opened.journal, BOTH) == NOTHING
    views, _ = await version_views(opened.journal, BOTH)
    assert (views[0].use.dead_letters, views[0].use.begun) == (1, 0)


async def test_a_version_that_nobody_has_is_an_alert_and_its_items_stay(
    opened: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    journal = opened.journal
    await enqueue(SECOND, 0, 3)
    assert await alert_missing(journal, BOTH) == []
    caplog.clear()
    async with watching(journal, JOBS):  # as a consumer does when it starts
        pass
    reason = (
        "3 queued and 0 begun items and 0 dead letters are of version 2, which no process has: "
        "start one whose code has it"
    )
    assert alerts(caplog) == [("version-missing", "version 2", reason)]
    views, _ = await version_views(journal, JOBS)
    assert [(view.version, view.role) for view in views] == [
        ("1", Role.CURRENT),
        ("2", Role.MISSING),
    ]
    await register_versions(journal.database, opened.lease.id, "jobs", [2])
    assert await alert_missing(journal, JOBS) == [], "a living worker has it"
    assert (await unfinished_by_version(journal.database, "jobs"))[2].workers == 1


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_consumer_that_watches_rolls_a_worse_candidate_back(opened: Runtime) -> None:
    await ended(JOBS, 0, 10)
    await running(opened)
    await ended(SECOND, 10, 20, each=1)

    async def is_rolled_back() -> bool:
        return (await state_of(opened))[0] is RolloutState.ROLLED_BACK

    async with watching(opened.journal, BOTH):
        await until(is_rolled_back, 10)
    await enqueue(BOTH, 20, 25)
    assert {row.version for row in await rows(items) if row.state == "pending"} == {"1"}


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_the_rows_of_a_workers_versions_go_with_the_worker(
    journal_settings: Settings,
) -> None:
    async with open_runtime(journal_settings) as opened:
        async with open_runtime(journal_settings) as other:
            await register_versions(other.journal.database, other.lease.id, "jobs", [1, 2])
            known = await unfinished_by_version(opened.journal.database, "jobs")
            assert [use.workers for use in known.values()] == [1, 1]
        await register_versions(opened.journal.database, other.lease.id, "jobs", [1, 2])
        found = await unfinished_by_version(opened.journal.database, "jobs", [1, 2])
        assert [use.workers for use in found.values()] == [0, 0]


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_code_without_the_version_of_the_rollout_begins_items_with_its_own_and_says_so(
    opened: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    journal = opened.journal
    await begin(journal, BOTH, Plan(2), *ANN)
    await roll_back(journal, "jobs", *ANN)
    caplog.clear()
    assert await alert_missing(journal, SECOND) == [1]
    [(event, item, reason)] = alerts(caplog)
    assert (event, item) == ("version-missing", "version 1")
    assert reason.startswith("new items begin with version 2 instead, and 0 queued")
    await enqueue(SECOND, 0, 1)
    (view,) = (await version_views(journal, SECOND))[0]
    assert (view.version, view.role, view.use.queued) == ("2", Role.CURRENT, 1)
    await ended(SECOND, 0, 1)
    assert await watch_versions(journal, SECOND) == NOTHING, "its only code is not to be removed"
    await register_versions(journal.database, opened.lease.id, "jobs", [1])
    assert await alert_missing(journal, SECOND) == []


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_items_are_counted_by_what_their_version_has_to_do(opened: Runtime) -> None:
    await enqueue(JOBS, 0, 6)
    await enqueue(SECOND, 6, 8)
    await change("job-0001", retry_at=4e9)
    await change("job-0002", crash_count=1)
    await change("job-0003", crash_count=1, retry_at=1.0)
    use = await unfinished_by_version(opened.journal.database, "jobs", [1, 2, 3])
    assert {major: (one.queued, one.begun) for major, one in use.items()} == {
        1: (3, 3),
        2: (2, 0),
        3: (0, 0),
    }
    assert Counter(one.is_drained for one in use.values()) == {False: 2, True: 1}


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_views_show_the_share_and_how_items_ended(opened: Runtime) -> None:
    await ended(JOBS, 0, 4, each=2)
    await running(opened)
    await ended(SECOND, 4, 9)
    (first, second), found = await version_views(opened.journal, BOTH)
    assert (first.role, first.share, second.role, second.share) == (
        *(Role.CURRENT, 50.0),
        *(Role.CANDIDATE, 50.0),
    )
    assert (first.sample.ended, first.sample.error_rate) == (4, 50.0)
    assert (second.sample.ended, second.sample.error_rate) == (5, 0.0)
    assert second.sample.seconds_of(0.5) is not None
    assert found is not None
    await roll_back(opened.journal, "jobs", *ANN)
    (first, second), _ = await version_views(opened.journal, BOTH)
    assert (first.role, first.share, second.role, second.share) == (
        *(Role.CURRENT, 100.0),
        *(Role.DRAINED, 0.0),
    )
