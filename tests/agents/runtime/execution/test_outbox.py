"""Notices are sent at most once for each topic and channel, and never fail their item."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import PermanentError, TransientError, UnknownOutcome
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import NOTICE_WAITS
from agents.runtime.journal.notices import unsettled
from agents.runtime.journal.schema import outbox
from agents.runtime.model.batch import Batch, BatchContext, RunStats
from agents.runtime.model.item import Notice
from agents.runtime.model.policies import AT_MOST_ONCE, DAY, EFFECT, RETRY_SCALE, Policy
from agents.runtime.recovery.recovery import send_unsent_notices
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    Job,
    Killed,
    Provider,
    batch_of,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    run,
    states,
    with_notices,
)

pytestmark = pytest.mark.usefixtures("no_waits")


@dataclass
class Mailer:
    """Records what was sent and raises the listed errors."""

    errors: list[BaseException] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    tried: int = 0

    def agent(self, policy: Policy = EFFECT, dies_at: int = 0) -> Any:
        @agent(policy, settle=AT_MOST_ONCE, outbox=True)
        async def notify(job: Job, notice: Notice, key: EffectKey) -> None:
            self.tried += 1
            if self.tried == dies_at:
                raise Killed
            if self.errors:
                raise self.errors.pop(0)
            self.sent.append((job.key, notice.topic, key))

        return notify


async def statuses() -> Sequence[str]:
    return [row.status for row in await rows(outbox)]


@pytest.mark.usefixtures("opened")
async def test_each_topic_is_sent_once_under_its_own_key(provider: Provider) -> None:
    mailer = Mailer()
    result = await run(
        jobs(3), effect_of(provider), after=mailer.agent(), scenario=with_notices("a", "b")
    )
    assert len(mailer.sent) == len(set(mailer.sent)) == 6
    assert len({key for _, _, key in mailer.sent}) == 6
    assert result.stats.metrics == {"messages sent": 6}
    assert await statuses() == ["sent"] * 6


async def test_a_second_run_sends_nothing(journal_settings: Settings, provider: Provider) -> None:
    mailer = Mailer()
    for _ in range(2):
        async with open_runtime(journal_settings):
            await run(
                jobs(2), effect_of(provider), after=mailer.agent(), scenario=with_notices("a")
            )
    assert len(mailer.sent) == 2


@pytest.mark.usefixtures("opened")
async def test_the_same_topic_and_channel_twice_is_one_notice(provider: Provider) -> None:
    mailer = Mailer()
    await run(jobs(1), effect_of(provider), after=mailer.agent(), scenario=with_notices("a", "a"))
    assert len(mailer.sent) == 1


@pytest.mark.usefixtures("opened")
async def test_a_notice_that_was_certainly_not_sent_is_retried(provider: Provider) -> None:
    mailer = Mailer([TransientError("busy"), TransientError("busy")])
    await run(jobs(1), effect_of(provider), after=mailer.agent(), scenario=with_notices("a"))
    assert (mailer.tried, len(mailer.sent)) == (3, 1)
    assert await statuses() == ["sent"]


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("error", [UnknownOutcome("lost"), TimeoutError()])
async def test_an_unknown_outcome_is_not_repeated(provider: Provider, error: Exception) -> None:
    mailer = Mailer([error])
    await run(jobs(1), effect_of(provider), after=mailer.agent(), scenario=with_notices("a"))
    assert mailer.tried == 1
    assert await statuses() == ["unknown"]


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("error", [PermanentError("no such address"), ValueError("bug")])
async def test_a_notice_that_fails_never_fails_its_item(
    provider: Provider, error: Exception
) -> None:
    mailer = Mailer([error])
    result = await run(
        jobs(2), effect_of(provider), after=mailer.agent(), scenario=with_notices("a")
    )
    assert result.outcomes == {"job completed": 2}
    assert sorted(await statuses()) == ["failed", "sent"]
    assert set((await states()).values()) == {"completed"}


async def test_a_notice_that_stays_unsent_waits_and_is_sent_when_the_messenger_is_back(
    opened: Runtime, provider: Provider
) -> None:
    mailer, notices = Mailer([TransientError("busy") for _ in range(99)]), with_notices("a")
    notify = mailer.agent()
    result = await run(jobs(1), effect_of(provider), after=notify, scenario=notices)
    assert result.outcomes == {"job completed": 1}
    assert result.stats.metrics == {"messages unsent": 1}
    assert [(row.status, row.error) for row in await rows(outbox)] == [("waiting", "busy")]
    mailer.errors.clear()
    assert await send_unsent_notices(opened.journal, notices, notify) == 1
    assert (len(mailer.sent), await statuses()) == (1, ["sent"])


@pytest.mark.usefixtures("opened")
async def test_the_run_itself_outlasts_a_short_outage(provider: Provider) -> None:
    mailer = Mailer([TransientError("away") for _ in range(10)])
    notify = mailer.agent(replace(EFFECT, concurrency=4))
    result = await run(jobs(40), effect_of(provider), after=notify, scenario=with_notices("a"))
    assert sorted(job for job, _, _ in mailer.sent) == [job.key for job in jobs(40)]
    assert result.stats.metrics == {"messages sent": 40}


@pytest.mark.usefixtures("opened")
async def test_a_messenger_that_is_away_is_not_tried_for_every_notice(provider: Provider) -> None:
    mailer = Mailer([TransientError("away") for _ in range(999)])
    notify = mailer.agent(replace(EFFECT, concurrency=4))
    result = await run(jobs(40), effect_of(provider), after=notify, scenario=with_notices("a"))
    assert mailer.tried <= (1 + len(NOTICE_WAITS)) * 2 * 4
    assert result.stats.metrics == {"messages unsent": 40}
    assert set(await statuses()) == {"waiting"}


@pytest.mark.usefixtures("opened")
async def test_a_refusal_of_one_receiver_holds_up_nobody(provider: Provider) -> None:
    mailer = Mailer([PermanentError("550 ann@example.com unknown") for _ in range(10)])
    notify = mailer.agent(replace(EFFECT, concurrency=4))
    result = await run(jobs(40), effect_of(provider), after=notify, scenario=with_notices("a"))
    assert result.stats.metrics == {"messages sent": 30, "messages failed": 10}
    assert {row.error for row in await rows(outbox)} == {None, "550 [redacted] unknown"}


async def test_after_its_deadline_an_unsent_notice_is_a_dead_letter(
    opened: Runtime, provider: Provider, tmp_path: Path
) -> None:
    mailer, notices = Mailer([TransientError("away") for _ in range(999)]), with_notices("a")
    notify = mailer.agent(replace(EFFECT, retry_for=7_200.0))
    await run(jobs(2), effect_of(provider), after=notify, scenario=notices)
    (first, second) = await rows(outbox)
    assert 7_100 < first.deadline - first.at <= 7_300
    async with opened.journal.database.write() as connection:
        past = update(outbox).where(outbox.c.id == first.id).values(deadline=first.at)
        await connection.execute(past)
    await send_unsent_notices(opened.journal, notices, notify)
    found = [(row.status, row.error) for row in await rows(outbox)]
    assert found == [("dead_lettered", "not sent within 2 hours: away"), ("waiting", "away")]
    assert second.deadline == (await rows(outbox))[1].deadline
    log = (tmp_path / "agent-flows.log").read_text("utf-8")
    assert "messages: 1 dead-lettered; not sent within 2 hours: away" in log


async def test_a_notice_that_must_wait_is_not_sent_before(
    opened: Runtime, provider: Provider
) -> None:
    mailer, notices = Mailer([TransientError("greylisted", retry_after=600)]), with_notices("a")
    notify = mailer.agent()
    await run(jobs(1), effect_of(provider), scenario=notices)
    waits = RETRY_SCALE.set(1.0)
    await send_unsent_notices(opened.journal, notices, notify)
    RETRY_SCALE.reset(waits)
    assert await send_unsent_notices(opened.journal, notices, notify) == 0
    (row,) = await rows(outbox)
    assert (row.status, mailer.tried) == ("waiting", 1)
    async with opened.journal.database.write() as connection:  # a wait under a wrong clock
        await connection.execute(update(outbox).values(retry_at=row.retry_at + 10 * DAY))
    await send_unsent_notices(opened.journal, notices, notify)
    assert await statuses() == ["sent"]


@pytest.mark.usefixtures("opened")
async def test_no_more_notices_are_claimed_than_calls_are_in_flight(provider: Provider) -> None:
    claimed: list[int] = []

    @agent(replace(EFFECT, concurrency=4), settle=AT_MOST_ONCE, outbox=True)
    async def notify(_job: Job, _notice: Notice, _key: EffectKey) -> None:
        claimed.append((await statuses()).count("sending"))

    await run(jobs(30), effect_of(provider), after=notify, scenario=with_notices("a"))
    assert len(claimed) == 30
    assert max(claimed) <= 4


async def test_a_crash_leaves_only_the_notices_in_flight_unknown(
    journal_settings: Settings, provider: Provider
) -> None:
    mailer, notices = Mailer(), with_notices("a")
    notify = mailer.agent(replace(EFFECT, concurrency=4), dies_at=50)
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(100), effect_of(provider), after=notify, scenario=notices)
    async with open_runtime(journal_settings) as opened:
        listed = await unsettled(opened.journal, "jobs", 1_000)
        assert Counter(row.status for row in listed)["unknown"] <= 4
        await send_unsent_notices(opened.journal, notices, notify)
        unknown = {row.key for row in await unsettled(opened.journal, "jobs", 1_000)}
    sent = Counter(job for job, _, _ in mailer.sent)
    without = {job.key for job in jobs(100)} - sent.keys()
    assert set(sent.values()) == {1}
    assert 1 <= len(without) <= 4
    assert without <= unknown


async def test_concurrent_deliveries_send_each_notice_once(
    opened: Runtime, provider: Provider
) -> None:
    """The rows are claimed before the first notice is sent."""
    mailer, batch = Mailer(), await batch_of(jobs(20))
    notices = with_notices("a")
    batch.context.scenario = notices
    async with saga(batch):
        await effect_of(provider)(batch)
    ended = list(batch.context.ended)

    def again() -> Batch:
        context = BatchContext(notices, RunStats())
        context.ended = list(ended)
        return Batch(context, [])

    notify = mailer.agent()
    await asyncio.gather(*(notify(again()) for _ in range(4)))
    assert sorted(job for job, _, _ in mailer.sent) == [job.key for job in jobs(20)]
