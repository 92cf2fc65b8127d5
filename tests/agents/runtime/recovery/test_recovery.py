"""Recovery beside the items themselves: it disturbs no living process and does nothing twice."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Completed, Running
from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import Parked
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.journal.operator_actions import cancel, decide, escalate
from agents.runtime.journal.queries import waiting
from agents.runtime.journal.schema import items, outbox, owners
from agents.runtime.model.item import Notice
from agents.runtime.model.policies import AT_MOST_ONCE, EFFECT, PURE
from agents.runtime.recovery import recovery
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    AnyAgent,
    Job,
    Killed,
    Provider,
    batch_of,
    change,
    crash,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    run,
    states,
    undo_of,
    with_notices,
)
from tests.agents.runtime.journal.operators import ONE, Question, action, at_once, events, resume

WITH_NOTICES = with_notices("a")
NOTHING = {"cancelled": 0, "expired": 0, "escalated": 0, "rejected by time-out": 0}
pytestmark = pytest.mark.usefixtures("no_waits")


async def apply(opened: Runtime) -> dict[str, int]:
    """Escalate after 50 seconds, reject 60 seconds later."""
    return await recovery.apply_timeouts(opened.journal, "jobs", 50, 60)


async def wait_for(key: str, seconds: float) -> None:
    await change(key, waiting_since=items.c.waiting_since - seconds)


class Mailer:
    """Sends notices and records the keys of their jobs."""

    def __init__(self) -> None:
        self.sent: list[str] = []

        @agent(EFFECT, settle=AT_MOST_ONCE, outbox=True)
        async def notify(job: Job, _notice: Notice, _key: EffectKey) -> None:
            await asyncio.sleep(0.01)
            self.sent.append(job.key)

        self.agent: AnyAgent = notify


def log_lines(folder: Path, event: str) -> list[dict[str, Any]]:
    """Lines of the log with this event."""
    lines = (folder / "agent-flows.log").read_text("utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == event]


async def test_an_item_that_waits_too_long_is_escalated_once_and_then_rejected(
    opened: Runtime, tmp_path: Path, provider: Provider
) -> None:
    workflow = (effect_of(provider, undo=undo_of(provider)), Question().agent)
    await run([*ONE, Job(key="new")], *workflow)
    await wait_for("one", 49)
    assert await apply(opened) == NOTHING
    await wait_for("one", 2)
    assert await apply(opened) == NOTHING | {"escalated": 1}
    assert await apply(opened) == NOTHING
    [line] = log_lines(tmp_path, "escalated")
    assert (line["item"], line["scenario"], line["reason"]) == ("one", "jobs", "may I?")

    await change("one", retry_at=items.c.retry_at - 59)
    assert await apply(opened) == NOTHING
    await change("one", retry_at=items.c.retry_at - 2)
    assert await apply(opened) == NOTHING | {"rejected by time-out": 1}
    assert (await resume(*workflow)).outcomes == {"job compensated": 1}
    assert provider.undone == ["default:jobs:one:make:0"]
    assert await states() == {"one": "compensated", "new": "waiting"}
    [decided] = await events("decide")
    assert (decided["by"], decided["verdict"]) == ("reconciler", "rejected")


async def test_an_escalated_item_goes_on_at_once_when_it_is_approved(
    opened: Runtime,
) -> None:
    question = Question()
    await run(ONE, question.agent)
    await escalate(opened.journal, action(), 3_600)
    await decide(opened.journal, action(), approved=True)
    assert (await resume(question.agent)).outcomes == {"job completed": 1}


async def test_a_decision_in_between_wins_and_the_other_items_are_still_rejected(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run([Job(key=key) for key in "abc"], Question().agent)
    for key in "abc":
        await escalate(opened.journal, action(key), -1)

    async def waiting_then_decided(*args: Any, **options: Any) -> Any:
        found = await waiting(*args, **options)
        await decide(opened.journal, action("a"), approved=True)
        await cancel(opened.journal, action("b"))
        return found

    monkeypatch.setattr(recovery, "waiting", waiting_then_decided)
    assert await apply(opened) == NOTHING | {"rejected by time-out": 1}
    verdicts = [(entry["by"], entry["verdict"]) for entry in await events("decide")]
    assert verdicts == [("ann", "approved"), ("reconciler", "rejected")]


async def test_concurrent_recoveries_do_everything_once(opened: Runtime) -> None:
    await run([Job(key="old"), Job(key="overdue")], Question().agent)
    await wait_for("old", 100)
    await escalate(opened.journal, action("overdue"), -1)
    found = await at_once([apply(opened) for _ in range(4)])
    assert sum(done["escalated"] for done in found) == 1
    assert sum(done["rejected by time-out"] for done in found) == 1
    assert len(await events("escalate")) == 2


async def test_an_item_that_parked_after_a_request_to_cancel_is_cancelled(
    opened: Runtime, provider: Provider
) -> None:
    async def ask(job: Job) -> None:
        await cancel(opened.journal, action(job.key))
        raise Parked("may I?")

    workflow = (effect_of(provider, undo=undo_of(provider)), agent(PURE)(ask))
    assert (await run(ONE, *workflow)).outcomes == {"waiting": 1}
    assert await apply(opened) == NOTHING | {"cancelled": 1}
    assert (await resume(*workflow)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)


async def test_unsent_notices_are_sent_once(opened: Runtime, provider: Provider) -> None:
    mailer = Mailer()
    await run(jobs(5), effect_of(provider), scenario=WITH_NOTICES)
    deliveries = (
        recovery.send_unsent_notices(opened.journal, WITH_NOTICES, mailer.agent) for _ in range(3)
    )
    await asyncio.gather(*deliveries)
    assert sorted(mailer.sent) == [job.key for job in jobs(5)]
    assert await recovery.send_unsent_notices(opened.journal, WITH_NOTICES, mailer.agent) == 0
    assert {row.status for row in await rows(outbox)} == {"sent"}


@pytest.mark.parametrize("alive", [True, False])
async def test_notices_that_a_crashed_process_was_sending_count_as_sent(
    journal_settings: Settings, provider: Provider, alive: bool
) -> None:
    mailer = Mailer()
    async with (
        open_runtime(journal_settings) as opened,
        crashing_runtime(journal_settings) as other,
    ):
        await run(ONE, effect_of(provider), scenario=WITH_NOTICES)
        async with other.journal.database.write() as connection:
            sending = {"status": "sending", "owner": other.lease.id}
            await connection.execute(update(outbox).values(**sending))
        if not alive:
            await crash(other)
        assert await recovery.send_unsent_notices(opened.journal, WITH_NOTICES, mailer.agent) == 0
        (row,) = await rows(outbox)
        assert row.status == ("sending" if alive else "unknown")
    assert mailer.sent == []


async def test_crashed_workers_without_items_are_deleted(
    journal_settings: Settings, provider: Provider
) -> None:
    async with crashing_runtime(journal_settings):
        pass
    async with crashing_runtime(journal_settings) as holder:
        await batch_of(ONE)
    async with open_runtime(journal_settings) as opened:
        assert await recovery.remove_crashed_workers(opened.journal) == 0
        assert {row.id for row in await rows(owners)} == {holder.lease.id, opened.lease.id}
        assert (await resume(effect_of(provider))).outcomes == {"job completed": 1}
        await asyncio.gather(*(recovery.remove_crashed_workers(opened.journal) for _ in range(3)))
        assert [row.id for row in await rows(owners)] == [opened.lease.id]


async def test_no_worker_is_deleted_before_its_flow_run_is_set(
    journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        crashing_runtime(journal_settings) as gone,
        gone.journal.database.write() as connection,
    ):
        await connection.execute(update(owners).values(flow_run=str(UUID(int=7))))
    marked: list[UUID] = []

    async def fail_once(run_id: UUID) -> bool:
        marked.append(run_id)
        if len(marked) == 1:
            raise ConnectionError
        return True

    monkeypatch.setattr(recovery, "in_flow_run", lambda: True)
    monkeypatch.setattr(recovery, "_mark_crashed", fail_once)
    async with open_runtime(journal_settings) as opened:
        assert await recovery.remove_crashed_workers(opened.journal) == 0
        assert len(await rows(owners)) == 2
        assert await recovery.remove_crashed_workers(opened.journal) == 1
        assert len(await rows(owners)) == 1
    assert marked == [UUID(int=7)] * 2


async def test_a_cancelled_item_of_a_crashed_process_is_finished_by_another(
    journal_settings: Settings, provider: Provider
) -> None:
    step, last = effect_of(provider, undo=undo_of(provider)), effect_of(Provider(), name="last")

    async def killed(gone: Runtime) -> None:
        batch = await batch_of(ONE)
        async with saga(batch):
            await step(batch)
            await cancel(gone.journal, action())
            raise Killed

    async with crashing_runtime(journal_settings) as gone:
        with pytest.raises(Killed):
            await killed(gone)
    async with open_runtime(journal_settings):
        assert (await resume(step, last)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)
    assert provider.count("one") == 2


@flow
async def sweeping(settings: Settings) -> int:
    async with open_runtime(settings) as opened:
        return await recovery.remove_crashed_workers(opened.journal)


@flow
async def other_flow() -> None:
    """A flow whose runs get their states from the test."""


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
async def test_flow_runs_of_crashed_workers_are_set_to_crashed(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, journal_url=sqlite_url)  # type: ignore[arg-type]  # wrapped
    runs: list[UUID] = []
    async with get_client() as client:
        given: tuple[PrefectState[None], ...] = (Running(), Completed())
        for state in given:
            created = await client.create_flow_run(other_flow)
            await client.set_flow_run_state(created.id, state, force=True)
            runs.append(created.id)
        for run_id in (*runs, UUID(int=7)):
            async with crashing_runtime(settings) as gone:
                mine = owners.c.id == gone.lease.id
                async with gone.journal.database.write() as connection:
                    changed = update(owners).where(mine).values(flow_run=str(run_id))
                    await connection.execute(changed)
        assert await sweeping(settings) == 1
        found = [await client.read_flow_run(run_id) for run_id in runs]
        assert [one.state and one.state.type.value for one in found] == ["CRASHED", "COMPLETED"]
        assert found[0].state is not None
        assert "lease" in str(found[0].state.message)
        assert await sweeping(settings) == 0
