"""The plan brings any set of consumers to where the policy wants them, and never leaves work unattended."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool, WorkPoolStatus

from deployments.placement.health import judge
from deployments.placement.plan import Plan, Run, Stage, plan
from deployments.placement.runs import BOOT, stage_of

CLOUDS = ("aws", "gcp", "azure")
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 28, tzinfo=UTC)
stages = st.lists(st.tuples(st.sampled_from(CLOUDS), st.sampled_from(Stage)), max_size=8)
ready_clouds = st.sets(st.sampled_from(CLOUDS))


def runs_of(found: list[tuple[str, Stage]]) -> list[Run]:
    return [Run(UUID(int=number), cloud, stage) for number, (cloud, stage) in enumerate(found)]


def after(done: Plan, runs: list[Run]) -> list[Run]:
    """The runs a while later: what was started works, what was ended or withdrawn is gone."""
    left = [run for run in runs if run.id not in {*done.end, *done.withdraw}]
    left = [run for run in left if run.stage is not Stage.ENDING]
    new = [Run(UUID(int=100 + n), done.cloud or "", Stage.WORKING) for n in range(done.start)]
    begun = {Stage.WAITING: Stage.WORKING, Stage.STARTING: Stage.WORKING}
    return [
        *(Run(run.id, run.cloud, begun.get(run.stage, run.stage)) for run in left),
        *new,
    ]


@UNHURRIED
@given(stages, ready_clouds, st.integers(1, 3))
def test_it_settles_in_three_looks_with_all_consumers_in_the_chosen_cloud(
    found: list[tuple[str, Stage]], ready: set[str], wanted: int
) -> None:
    ready.add("aws")
    runs = runs_of(found)
    for _ in range(3):
        runs = after(plan("aws", sorted(ready), runs, wanted, back=True), runs)
    assert {run.cloud for run in runs} == {"aws"}
    assert len(runs) >= wanted
    last = plan("aws", sorted(ready), runs, wanted, back=True)
    assert (last.start, last.end, last.withdraw) == (0, (), ())


@UNHURRIED
@given(stages, ready_clouds, st.integers(1, 3), st.booleans())
def test_nobody_who_works_is_ended_before_enough_work_in_the_chosen_cloud(
    found: list[tuple[str, Stage]], ready: set[str], wanted: int, back: bool
) -> None:
    runs = runs_of(found)
    done = plan("aws", sorted(ready | {"aws"}), runs, wanted, back=back)
    working = sum(run.cloud == "aws" and run.stage is Stage.WORKING for run in runs)
    assert not done.end or (back and working >= wanted)
    by_id = {run.id: run for run in runs}
    assert all(by_id[run].stage is not Stage.WORKING for run in done.withdraw)
    assert all(by_id[run].cloud != "aws" for run in done.end)


@UNHURRIED
@given(stages, ready_clouds)
def test_without_a_cloud_nothing_is_started_and_nobody_who_works_is_ended(
    found: list[tuple[str, Stage]], ready: set[str]
) -> None:
    done = plan(None, sorted(ready), runs_of(found), 2, back=True)
    assert (done.start, done.end) == (0, ())


def test_work_stays_in_a_ready_cloud_unless_it_may_go_back() -> None:
    runs = runs_of([("gcp", Stage.WORKING), ("aws", Stage.WORKING)])
    assert plan("aws", CLOUDS, runs, 1, back=False).end == ()
    assert plan("aws", CLOUDS, runs, 1, back=True).end == (UUID(int=0),)


@pytest.mark.parametrize(
    "state,alive,seconds,stage",
    [
        (StateType.RUNNING, True, 500, Stage.WORKING),
        (StateType.CANCELLING, True, 500, Stage.ENDING),
        (StateType.SCHEDULED, False, 500, Stage.WAITING),
        (StateType.RUNNING, False, 5, Stage.STARTING),
        (StateType.RUNNING, False, BOOT.total_seconds(), Stage.SILENT),
        (StateType.CANCELLING, False, 500, Stage.SILENT),
    ],
)
def test_the_journal_says_whether_a_run_works(
    state: StateType, alive: bool, seconds: float, stage: Stage
) -> None:
    began = NOW - timedelta(seconds=seconds)
    run = FlowRun.model_validate(
        {"id": uuid4(), "flow_id": uuid4(), "state_type": state, "start_time": began}
    )
    assert stage_of(run, {str(run.id)} if alive else set(), NOW) is stage


@pytest.mark.parametrize(
    "status,is_paused,seen,reason",
    [
        (WorkPoolStatus.READY, False, [], ""),
        (WorkPoolStatus.READY, False, [Stage.SILENT, Stage.WORKING], ""),
        (WorkPoolStatus.READY, False, [Stage.SILENT], "its consumers do not reach the journal"),
        (WorkPoolStatus.NOT_READY, False, [Stage.WORKING], "no worker sends heartbeats"),
        (WorkPoolStatus.READY, True, [Stage.WORKING], "its pool is paused"),
    ],
)
def test_health_is_what_prefect_and_the_journal_say(
    status: WorkPoolStatus, is_paused: bool, seen: list[Stage], reason: str
) -> None:
    pool = WorkPool(
        name="aws", type="process", status=status, is_paused=is_paused, default_queue_id=uuid4()
    )
    health = judge(pool, [Run(uuid4(), "aws", stage) for stage in seen])
    assert (health.is_ready, health.reason) == (not reason, reason)
