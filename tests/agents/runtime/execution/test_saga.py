"""A saga compensates in reverse the effects of an item that fails permanently, in any process."""

from typing import Any

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import PermanentError, TransientError, UnknownOutcome
from agents.runtime.execution.agent import EffectKey, UndoneKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.journal.schema import items, steps
from agents.runtime.model import policies as retries
from agents.runtime.model.batch import Batch
from agents.runtime.model.policies import EFFECT, PURE
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    HERE,
    HOUR,
    Job,
    Killed,
    Made,
    Provider,
    batch_of,
    change,
    crashing_runtime,
    dead_letter_rows,
    effect_of,
    effect_statuses,
    jobs,
    rows,
    run,
    states,
    undo_of,
)

ONE = [Job(key="one")]
pytestmark = pytest.mark.usefixtures("no_waits")


class Refused(PermanentError):
    """The step can never succeed."""


class Shop:
    """Three effects in a row, each with its compensation and its own provider."""

    def __init__(self) -> None:
        self.first, self.second, self.third = Provider(), Provider(), Provider()
        self.log: list[tuple[str, str]] = []
        self.workflow = [
            self._effect(provider, name)
            for provider, name in [
                (self.first, "first"),
                (self.second, "second"),
                (self.third, "third"),
            ]
        ]

    def _effect(self, provider: Provider, name: str) -> Any:
        log = self.log

        async def undo(job: Job, key: UndoneKey) -> None:
            log.append((job.key, name))
            await provider.undo(job, key)

        async def action(job: Job, key: EffectKey) -> Made:
            await provider.make(job, key)
            return Made(by=name)

        undo.__name__, action.__name__ = f"undo_{name}", name
        return agent(EFFECT, settle=HOUR, undo=agent(EFFECT, settle=HOUR)(undo))(action)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.usefixtures("opened")
async def test_effects_are_undone_in_reverse_and_once_at_any_point_of_failure(shop: Shop) -> None:
    some = [Job(key=key) for key in "abcd"]
    shop.first.before["a"] = [Refused()]
    shop.second.before["b"] = [Refused()]
    shop.third.before["c"] = [Refused()]
    result = await run(some, *shop.workflow)
    assert result.outcomes == {"job failed": 1, "job compensated": 2, "job completed": 1}
    undone = {key: [name for job, name in shop.log if job == key] for key in "abcd"}
    assert undone == {"a": [], "b": ["first"], "c": ["second", "first"], "d": []}
    assert shop.first.undone == [
        key for key, job in shop.first.made.items() if job in {"b", "c"}
    ], "with the keys of what they undo"


@pytest.mark.usefixtures("opened")
async def test_an_effect_that_may_have_happened_is_undone(shop: Shop) -> None:
    shop.first.after["one"] = [UnknownOutcome("lost")]
    shop.first.before["one"] = []
    shop.first.after["one"].append(Refused())
    assert (await run(ONE, *shop.workflow)).outcomes == {"job compensated": 1}
    assert shop.log == [("one", "first")]


@pytest.mark.usefixtures("opened")
async def test_one_undo_of_two_effects_runs_once_with_the_first_key(provider: Provider) -> None:
    undo = undo_of(provider)
    open_, charge = (effect_of(provider, name=name, undo=undo) for name in ("open_", "charge"))
    provider.after["one"] = []
    last = effect_of(refusing := Provider(), name="last")
    refusing.before["one"] = [Refused()]
    await run(ONE, open_, charge, last)
    assert provider.undone == [f"{HERE}:default:jobs:one:open_:0"]


@pytest.mark.usefixtures("opened")
async def test_a_saga_left_by_an_exception_compensates_nothing(shop: Shop) -> None:
    shop.second.before["job-0001"] = [Refused()]

    async def workflow(batch: Batch) -> None:
        async with saga(batch):
            await shop.workflow[1](await shop.workflow[0](batch))
            raise Killed

    with pytest.raises(Killed):
        await workflow(await batch_of(jobs(3)))
    assert shop.log == []
    assert sorted((await states()).values()) == ["compensating", "processing", "processing"]


async def test_a_second_process_finishes_a_compensation(
    journal_settings: Settings, shop: Shop
) -> None:
    shop.third.before["one"] = [Refused()]
    async with crashing_runtime(journal_settings):
        batch = await batch_of(ONE)
        for action in shop.workflow:
            batch = await action(batch)
    async with open_runtime(journal_settings):
        assert (await run(ONE, *shop.workflow)).outcomes == {"job compensated": 1}
        assert (await run(ONE, *shop.workflow)).outcomes == {"already done": 1}
    assert shop.log == [("one", "second"), ("one", "first")]


@pytest.mark.parametrize("happened", [True, False])
async def test_a_compensation_continues_after_a_crash(
    journal_settings: Settings, shop: Shop, happened: bool
) -> None:
    shop.third.before["one"] = [Refused()]

    async def workflow(batch: Batch) -> None:
        async with saga(batch):
            for action in shop.workflow:
                batch = await action(batch)
            (shop.first.after if happened else shop.first.before)["one"] = [Killed()]

    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await workflow(await batch_of(ONE))
    async with open_runtime(journal_settings):
        assert (await run(ONE, *shop.workflow)).outcomes == {"job compensated": 1}
        done = [(row.agent, row.status) for row in await rows(steps)]
        assert ("undo_first", "done") in done
    assert shop.log == [("one", "second"), ("one", "first"), ("one", "first")]
    assert set(shop.first.undone) == {f"{HERE}:default:jobs:one:first:0"}


@pytest.mark.parametrize("error", [Refused(), TransientError("down"), ValueError("bug")])
@pytest.mark.usefixtures("opened")
async def test_a_compensation_that_fails_is_a_dead_letter_still_compensating(
    shop: Shop, error: Exception
) -> None:
    bad, good = Job(key="bad"), Job(key="good")
    for job in (bad, good):
        shop.third.before[job.key] = [Refused()]
    batch = await batch_of([bad, good])
    async with saga(batch):
        for action in shop.workflow:
            batch = await action(batch)
        shop.second.before["bad"] = [error] * 9
    assert await states() == {"bad": "compensating", "good": "compensated"}
    (letter,) = await dead_letter_rows()
    assert (letter.agent, letter.error_type) == ("undo_second", type(error).__name__)
    assert (await run([bad], *shop.workflow)).outcomes == {"already done": 1}
    assert ("bad", "first") not in shop.log, (
        "earlier effects are not undone after a failed compensation"
    )


@pytest.mark.usefixtures("opened")
async def test_a_compensation_may_come_back_later(shop: Shop) -> None:
    retries.RETRY_SCALE.set(1.0)
    shop.second.before["one"] = [Refused()]
    batch = await batch_of(ONE)
    async with saga(batch):
        batch = await shop.workflow[0](batch)
        batch = await shop.workflow[1](batch)
        shop.first.before["one"] = [TransientError("later", 1.1)]
    assert (await states()) == {"one": "compensating"}
    assert (await run(ONE, *shop.workflow)).outcomes == {"job compensated": 1}
    assert shop.log == [("one", "first")] * 2


@pytest.mark.usefixtures("opened")
async def test_an_item_cancelled_before_an_intent_is_compensated_and_cancelled(shop: Shop) -> None:
    batch = await batch_of([Job(key="one"), Job(key="two")])
    async with saga(batch):
        batch = await shop.workflow[0](batch)
        await change("one", cancel_requested=True)
        batch = await shop.workflow[1](batch)
    assert await states() == {"one": "cancelled", "two": "completed"}
    assert shop.second.count("one") == 0
    assert shop.log == [("one", "first")]


@pytest.mark.usefixtures("opened")
async def test_the_compensation_of_a_cancelled_item_is_journalled_as_an_effect(shop: Shop) -> None:
    batch = await batch_of(ONE)
    async with saga(batch):
        batch = await shop.workflow[0](batch)
        await change("one", cancel_requested=True)
        batch = await shop.workflow[1](batch)
    assert await effect_statuses() == {
        f"{HERE}:default:jobs:one:first:0": "done",
        f"{HERE}:default:jobs:one:undo_first:0": "done",
    }


@pytest.mark.usefixtures("opened")
async def test_a_cancel_after_the_last_effect_comes_too_late(shop: Shop) -> None:
    batch = await batch_of(ONE)
    async with saga(batch):
        batch = await shop.workflow[0](batch)
        await change("one", cancel_requested=True)
    assert await states() == {"one": "completed"}
    assert shop.log == []


@pytest.mark.usefixtures("opened")
async def test_an_item_taken_over_meanwhile_is_not_ended(opened: Runtime, shop: Shop) -> None:
    batch = await batch_of(ONE)
    async with saga(batch):
        batch = await shop.workflow[0](batch)
        (item,) = batch.peek()
        item.fence -= 1
    assert await states() == {"one": "processing"}


@pytest.mark.usefixtures("opened")
async def test_an_item_without_effects_just_fails() -> None:
    @agent(PURE)
    def refuse(_job: Job) -> None:
        raise Refused

    result = await run(ONE, refuse)
    assert result.outcomes == {"job failed": 1}
    assert result.stats.reasons == {"job failed": {"refused": 1}}
    assert (await rows(items))[0].outcome == "job failed"
