"""Two major versions run side by side, and an item stays with the version that began it."""

import asyncio
from collections import Counter

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.intake.consumer import Consumer, ConsumerOptions, MissingVersion
from agents.runtime.journal.gateway_schema import worker_versions
from agents.runtime.journal.operator_actions import edit
from agents.runtime.journal.schema import items
from agents.runtime.model.scenario import Correction, Scenario
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import JOBS, Killed, Provider, crashing_runtime, rows, run, states
from tests.agents.runtime.journal.operators import ONE, Question, action, the_item
from tests.agents.runtime.versions import BOTH, SECOND, Steps, enqueue

# The SQL of claims by version runs on both databases in tests of the queue.
pytestmark = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)

UNTIL_IDLE = ConsumerOptions(idle=0.2)


async def consume(scenario: Scenario, steps: Steps) -> Counter[str]:
    return (await Consumer(scenario, steps.process, asyncio.sleep, UNTIL_IDLE).consume()).outcomes


def keys(first: int, last: int) -> list[str]:
    return [f"job-{n:04}" for n in range(first, last)]


@pytest.mark.usefixtures("opened")
async def test_one_consumer_runs_two_versions_side_by_side(provider: Provider) -> None:
    steps = Steps(provider)
    await enqueue(JOBS, 0, 3)
    await enqueue(SECOND, 3, 7)
    assert await consume(BOTH, steps) == {"job completed": 7}
    assert steps.seen == {1: keys(0, 3), 2: keys(3, 7)}
    assert steps.sizes == {1: [3], 2: [4]}, "a batch is of one version"


@pytest.mark.usefixtures("opened")
async def test_a_consumer_takes_only_the_versions_that_it_has(provider: Provider) -> None:
    steps = Steps(provider)
    await enqueue(JOBS, 0, 2)
    await enqueue(SECOND, 2, 4)
    assert await consume(SECOND, steps) == {"job completed": 2}
    assert Counter((await states()).values()) == {"completed": 2, "pending": 2}
    assert await consume(JOBS, steps) == {"job completed": 2}
    assert steps.seen == {1: keys(0, 2), 2: keys(2, 4)}


async def test_begun_items_of_both_versions_are_resumed_and_effects_keep_their_keys(
    journal_settings: Settings, provider: Provider
) -> None:
    steps = Steps(provider, crashes=True)
    async with crashing_runtime(journal_settings):
        await enqueue(JOBS, 0, 2)
        await enqueue(SECOND, 2, 4)
        with pytest.raises(Killed):
            await consume(JOBS, steps)
        with pytest.raises(Killed):
            await consume(SECOND, steps)
    assert len(provider.made) == 4
    steps.crashes = False
    async with open_runtime(journal_settings):
        assert await consume(BOTH, steps) == {"job completed": 4}
        assert [row.version for row in await rows(items)] == ["1", "1", "2", "2"]
    seen = {major: sorted(passed) for major, passed in steps.seen.items()}
    assert seen == {1: keys(0, 2), 2: keys(2, 4)}
    assert len(provider.calls) == len(provider.made) == 4
    assert all(len(provider.keys(job)) == 1 for job in keys(0, 4))


async def test_an_operators_correction_leaves_an_item_with_its_version(opened: Runtime) -> None:
    body = '{"key": "one", "n": 7, "text": ""}'
    question = Question()
    await run(ONE, question.agent, scenario=SECOND)
    await edit(opened.journal, action(), Correction(BOTH, body))
    item = await the_item()
    assert (item.version, item.major, item.body) == ("2", 2, body)
    assert Correction(BOTH, body).values("1.3")["version"] == "1"


@pytest.mark.usefixtures("opened")
async def test_a_consumer_of_one_version_leaves_the_others_alone(provider: Provider) -> None:
    steps = Steps(provider)
    await enqueue(JOBS, 0, 3)
    await enqueue(SECOND, 3, 5)

    only = Consumer(BOTH, steps.process, asyncio.sleep, UNTIL_IDLE, major=2)

    assert (await only.consume()).outcomes == {"job completed": 2}
    assert steps.seen == {1: [], 2: keys(3, 5)}
    assert [row.major for row in await rows(worker_versions)] == [2], "others are not counted here"


@pytest.mark.usefixtures("opened")
def test_a_consumer_of_a_version_that_the_code_lacks_does_not_start(provider: Provider) -> None:
    with pytest.raises(MissingVersion, match="does not have version 7; it has 1, 2"):
        Consumer(BOTH, Steps(provider).process, asyncio.sleep, major=7)
