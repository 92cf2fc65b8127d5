"""Notices are sent at most once for each topic and channel, and never fail their item."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import PermanentError, TransientError, UnknownOutcome
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.journal.schema import outbox
from agents.runtime.model.batch import Batch, BatchContext, RunStats
from agents.runtime.model.item import Notice
from agents.runtime.model.policies import AT_MOST_ONCE, EFFECT
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    Job,
    Provider,
    batch_of,
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

    def agent(self) -> Any:
        @agent(EFFECT, settle=AT_MOST_ONCE, outbox=True)
        async def notify(job: Job, notice: Notice, key: EffectKey) -> None:
            self.tried += 1
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
async def test_an_unknown_outcome_counts_as_sent(provider: Provider, error: Exception) -> None:
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


@pytest.mark.usefixtures("opened")
async def test_a_notice_without_attempts_left_fails_with_its_reason(provider: Provider) -> None:
    mailer = Mailer([TransientError("busy") for _ in range(9)])
    await run(jobs(1), effect_of(provider), after=mailer.agent(), scenario=with_notices("a"))
    assert mailer.tried == EFFECT.attempts
    assert [(row.status, row.error) for row in await rows(outbox)] == [("failed", "busy")]


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
