"""What a reconciler does besides finishing items; nothing it does hurts the living, or is done twice."""

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
from agents.runtime.recovery import recovery as reconciler
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    AnyAgent,
    Job,
    Killed,
    Provider,
    batch_of,
    bury,
    change,
    doomed,
    effect_of,
    jobs,
    rows,
    run,
    states,
    undo_of,
    with_notices,
)
from tests.agents.runtime.journal.operators import ONE, Question, action, at_once, events, go_on

TOLD = with_notices("a")
NOTHING = {"cancelled": 0, "expired": 0, "escalated": 0, "rejected by time-out": 0}
pytestmark = pytest.mark.usefixtures("no_waits")


async def look(opened: Runtime) -> dict[str, int]:
    """Escalate after 50 seconds, reject 60 seconds later."""
    return await reconciler.time_is_up(opened.journal, "jobs", 50, 60)


async def wait_for(key: str, seconds: float) -> None:
    await change(key, waiting_since=items.c.waiting_since - seconds)


class Post:
    """Sends messages and remembers for whom."""

    def __init__(self) -> None:
        self.sent: list[str] = []

        @agent(EFFECT, settle=AT_MOST_ONCE, outbox=True)
        async def notify(job: Job, _notice: Notice, _key: EffectKey) -> None:
            await asyncio.sleep(0.01)
            self.sent.append(job.key)

        self.agent: AnyAgent = notify


def told(folder: Path, event: str) -> list[dict[str, Any]]:
    """Lines of the log about an event."""
    lines = (folder / "agent-flows.log").read_text("utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == event]


async def test_what_waits_too_long_is_escalated_once_and_rejected_in_the_end(
    opened: Runtime, tmp_path: Path, provider: Provider
) -> None:
    story = (effect_of(provider, undo=undo_of(provider)), Question().agent)
    await run([*ONE, Job(key="new")], *story)
    await wait_for("one", 49)
    assert await look(opened) == NOTHING
    await wait_for("one", 2)
    assert await look(opened) == NOTHING | {"escalated": 1}
    assert await look(opened) == NOTHING
    [line] = told(tmp_path, "escalated")
    assert (line["item"], line["scenario"], line["reason"]) == ("one", "jobs", "may I?")

    await change("one", retry_at=items.c.retry_at - 59)
    assert await look(opened) == NOTHING
    await change("one", retry_at=items.c.retry_at - 2)
    assert await look(opened) == NOTHING | {"rejected by time-out": 1}
    assert (await go_on(*story)).outcomes == {"job compensated": 1}
    assert provider.undone == ["default:jobs:one:make:0"]
    assert await states() == {"one": "compensated", "new": "waiting"}
    [decided] = await events("decide")
    assert (decided["by"], decided["verdict"]) == ("reconciler", "rejected")


async def test_an_escalated_item_still_goes_on_at_once_when_it_is_approved(
    opened: Runtime,
) -> None:
    question = Question()
    await run(ONE, question.agent)
    await escalate(opened.journal, action(), 3_600)
    await decide(opened.journal, action(), approved=True)
    assert (await go_on(question.agent)).outcomes == {"job completed": 1}


async def test_a_decision_in_between_wins_and_the_others_are_still_seen_to(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run([Job(key=key) for key in "abc"], Question().agent)
    for key in "abc":
        await escalate(opened.journal, action(key), -1)

    async def then_people_decide(*args: Any, **options: Any) -> Any:
        found = await waiting(*args, **options)
        await decide(opened.journal, action("a"), approved=True)
        await cancel(opened.journal, action("b"))
        return found

    monkeypatch.setattr(reconciler, "waiting", then_people_decide)
    assert await look(opened) == NOTHING | {"rejected by time-out": 1}
    verdicts = [(entry["by"], entry["verdict"]) for entry in await events("decide")]
    assert verdicts == [("ann", "approved"), ("reconciler", "rejected")]


async def test_reconcilers_at_once_do_each_thing_once(opened: Runtime) -> None:
    await run([Job(key="old"), Job(key="overdue")], Question().agent)
    await wait_for("old", 100)
    await escalate(opened.journal, action("overdue"), -1)
    found = await at_once([look(opened) for _ in range(4)])
    assert sum(done["escalated"] for done in found) == 1
    assert sum(done["rejected by time-out"] for done in found) == 1
    assert len(await events("escalate")) == 2


async def test_an_item_that_parked_while_it_was_to_be_cancelled_is_cancelled(
    opened: Runtime, provider: Provider
) -> None:
    async def ask(job: Job) -> None:
        await cancel(opened.journal, action(job.key))
        raise Parked("may I?")

    story = (effect_of(provider, undo=undo_of(provider)), agent(PURE)(ask))
    assert (await run(ONE, *story)).outcomes == {"waiting": 1}
    assert await look(opened) == NOTHING | {"cancelled": 1}
    assert (await go_on(*story)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)


async def test_what_was_not_sent_is_sent_once(opened: Runtime, provider: Provider) -> None:
    post = Post()
    await run(jobs(5), effect_of(provider), scenario=TOLD)
    deliveries = (
        reconciler.deliver_left_behind(opened.journal, TOLD, post.agent) for _ in range(3)
    )
    await asyncio.gather(*deliveries)
    assert sorted(post.sent) == [job.key for job in jobs(5)]
    assert await reconciler.deliver_left_behind(opened.journal, TOLD, post.agent) == 0
    assert {row.status for row in await rows(outbox)} == {"sent"}


@pytest.mark.parametrize("alive", [True, False])
async def test_what_the_dead_were_sending_counts_as_sent(
    journal_settings: Settings, provider: Provider, alive: bool
) -> None:
    post = Post()
    async with open_runtime(journal_settings) as opened, doomed(journal_settings) as other:
        await run(ONE, effect_of(provider), scenario=TOLD)
        async with other.journal.database.write() as connection:
            sending = {"status": "sending", "owner": other.lease.id}
            await connection.execute(update(outbox).values(**sending))
        if not alive:
            await bury(other)
        assert await reconciler.deliver_left_behind(opened.journal, TOLD, post.agent) == 0
        (row,) = await rows(outbox)
        assert row.status == ("sending" if alive else "unknown")
    assert post.sent == []


async def test_the_dead_are_forgotten_once_they_hold_nothing(
    journal_settings: Settings, provider: Provider
) -> None:
    async with doomed(journal_settings):
        pass
    async with doomed(journal_settings) as holder:
        await batch_of(ONE)
    async with open_runtime(journal_settings) as opened:
        assert await reconciler.sweep_owners(opened.journal) == 0
        assert {row.id for row in await rows(owners)} == {holder.lease.id, opened.lease.id}
        assert (await go_on(effect_of(provider))).outcomes == {"job completed": 1}
        await asyncio.gather(*(reconciler.sweep_owners(opened.journal) for _ in range(3)))
        assert [row.id for row in await rows(owners)] == [opened.lease.id]


async def test_nobody_is_forgotten_before_prefect_was_told(
    journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with doomed(journal_settings) as gone, gone.journal.database.write() as connection:
        await connection.execute(update(owners).values(flow_run=str(UUID(int=7))))
    heard: list[UUID] = []

    async def away(run_id: UUID) -> bool:
        heard.append(run_id)
        if len(heard) == 1:
            raise ConnectionError
        return True

    monkeypatch.setattr(reconciler, "in_flow_run", lambda: True)
    monkeypatch.setattr(reconciler, "_crashed", away)
    async with open_runtime(journal_settings) as opened:
        with pytest.raises(ConnectionError):
            await reconciler.sweep_owners(opened.journal)
        assert len(await rows(owners)) == 2
        assert await reconciler.sweep_owners(opened.journal) == 1
        assert len(await rows(owners)) == 1
    assert heard == [UUID(int=7)] * 2


async def test_what_was_cancelled_when_its_process_died_is_finished_by_another(
    journal_settings: Settings, provider: Provider
) -> None:
    step, last = effect_of(provider, undo=undo_of(provider)), effect_of(Provider(), name="last")

    async def killed(gone: Runtime) -> None:
        batch = await batch_of(ONE)
        async with saga(batch):
            await step(batch)
            await cancel(gone.journal, action())
            raise Killed

    async with doomed(journal_settings) as gone:
        with pytest.raises(Killed):
            await killed(gone)
    async with open_runtime(journal_settings):
        assert (await go_on(step, last)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)
    assert provider.count("one") == 2


@flow
async def sweeping(settings: Settings) -> int:
    async with open_runtime(settings) as opened:
        return await reconciler.sweep_owners(opened.journal)


@flow
async def other_flow() -> None:
    """Its runs are said to do something, by hand."""


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
async def test_flow_runs_of_the_dead_have_crashed(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, journal_url=sqlite_url)  # type: ignore[arg-type]  # wrapped
    runs: list[UUID] = []
    async with get_client() as client:
        said: tuple[PrefectState[None], ...] = (Running(), Completed())
        for state in said:
            created = await client.create_flow_run(other_flow)
            await client.set_flow_run_state(created.id, state, force=True)
            runs.append(created.id)
        for run_id in (*runs, UUID(int=7)):
            async with doomed(settings) as gone:
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
