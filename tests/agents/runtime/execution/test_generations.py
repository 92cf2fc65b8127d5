"""A key under which a provider repeats a stored failure: the next attempt has the key of the next generation."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import (
    KeySpent,
    Parked,
    Pending,
    PermanentError,
    TransientError,
    UnknownOutcome,
)
from agents.runtime.execution.agent import EffectKey, UndoneKey
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.operator_actions import OperatorAction, cancel, replay
from agents.runtime.journal.schema import effects, steps
from agents.runtime.model.policies import EFFECT, Lookup, SameKey
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    HERE,
    Job,
    Killed,
    Made,
    Provider,
    batch_of,
    crashing_runtime,
    dead_letter_rows,
    effect_of,
    rows,
    run,
    states,
)

ONE = [Job(key="one")]
BY = OperatorAction("jobs", "one", "Ann", "the provider is well again")
FIRST, SECOND, THIRD = (f"{HERE}:default:jobs:one:make:0{suffix}" for suffix in ("", ".1", ".2"))

pytestmark = pytest.mark.usefixtures("no_waits")


@dataclass
class Storing:
    """A provider that stores each answer under its key, as Stripe does, failures too.

    `failing` says how many keys get a stored failure; `happens` whether the effect happened all the
    same. `plan` are errors to raise first, instead of answering; `unseen` is what the look-up raises.
    """

    failing: int = 1
    happens: bool = False
    plan: list[BaseException] = field(default_factory=list)
    unseen: list[BaseException] = field(default_factory=list)
    stored: dict[str, bool] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    look_ups: int = 0

    async def make(self, key: str) -> None:
        self.calls.append(key)
        if self.plan:
            raise self.plan.pop(0)
        if key in self.stored:
            if not self.stored[key]:
                raise KeySpent("status 500 again")
            return
        self.stored[key] = self.failing == 0
        if self.stored[key] or self.happens:
            self.made.append(key)
        if not self.stored[key]:
            self.failing -= 1
            raise UnknownOutcome("status 500")

    async def find(self, _job: Job) -> Made | None:
        self.look_ups += 1
        if self.unseen:
            raise self.unseen.pop(0)
        return Made(by="found") if self.made else None


def making(provider: Storing, settle: Any = None, **options: Any) -> Any:
    """The agent `make` with an effect at the provider."""

    @agent(EFFECT, settle=settle or Lookup(provider.find), **options)
    async def make(job: Job, key: EffectKey) -> Made:
        await provider.make(key)
        return Made(by="make", n=job.n)

    return make


async def row() -> tuple[str, str, int]:
    """Key, status and generation of the effect of `make`."""
    [found] = [row for row in await rows(effects) if row.agent == "make"]
    return found.key, found.status, found.generation


@pytest.mark.usefixtures("opened")
async def test_the_next_generation_is_used_when_nothing_happened() -> None:
    provider = Storing()
    assert (await run(ONE, making(provider))).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST, FIRST, SECOND]
    assert provider.made == [SECOND]
    assert await row() == (SECOND, "done", 1)
    assert [step.attempts for step in await rows(steps)] == [2], "a look-up costs no attempt"


@pytest.mark.usefixtures("opened")
async def test_a_second_generation_may_be_spent_too() -> None:
    provider = Storing(failing=2)
    assert (await run(ONE, making(provider))).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST, FIRST, SECOND, SECOND, THIRD]
    assert await row() == (THIRD, "done", 2)


@pytest.mark.usefixtures("opened")
async def test_a_stored_failure_of_an_effect_that_happened_is_found() -> None:
    provider = Storing(happens=True)
    assert (await run(ONE, making(provider))).outcomes == {"job completed": 1}
    assert (provider.calls, provider.made) == ([FIRST], [FIRST])
    assert await row() == (FIRST, "done", 0)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("error", [UnknownOutcome("lost"), TimeoutError(), ValueError("bug")])
async def test_an_unknown_outcome_keeps_its_key(error: Exception) -> None:
    provider = Storing(failing=0, plan=[error, error, error])
    assert (await run(ONE, making(provider))).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST] * 4


@pytest.mark.usefixtures("opened")
async def test_a_look_up_that_fails_raises_no_generation() -> None:
    provider = Storing(plan=[KeySpent("500 again")], unseen=[TransientError("away")] * 9)
    assert (await run(ONE, making(provider))).outcomes == {"dead-lettered": 1}
    assert provider.calls == [FIRST]
    assert await row() == (FIRST, "intended", 0)


@pytest.mark.usefixtures("opened")
async def test_an_item_that_waits_still_knows_that_its_key_is_spent() -> None:
    """Otherwise one more attempt would be used to find that out again."""
    provider = Storing(plan=[KeySpent("500 again")], failing=0, unseen=[Pending("not visible yet")])
    make = making(provider, SameKey(find=provider.find))
    await make(await batch_of(ONE))
    assert await row() == (FIRST, "intended", 0)
    assert [effect.spent for effect in await rows(effects)] == [True]
    await make(await batch_of(ONE))
    assert await row() == (SECOND, "renewed", 1)
    assert [effect.spent for effect in await rows(effects)] == [False]
    await make(await batch_of(ONE))
    assert (provider.calls, provider.look_ups) == ([FIRST, SECOND], 2)


async def test_a_dead_letter_is_replayed_with_a_look_up_first(opened: Runtime) -> None:
    provider = Storing(
        plan=[KeySpent("500 again")], failing=0, unseen=[TransientError("away")] * EFFECT.attempts
    )
    make = making(provider, SameKey(find=provider.find))
    assert (await run(ONE, make)).outcomes == {"dead-lettered": 1}
    provider.unseen.clear()
    assert await replay(opened.journal, BY)
    assert (await run(ONE, make)).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST, SECOND]


@pytest.mark.usefixtures("opened")
async def test_a_spent_key_that_the_look_up_finds_is_not_followed_by_another() -> None:
    provider = Storing(plan=[KeySpent("500 again")], made=["by a call before"])
    assert (await run(ONE, making(provider))).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST]


@pytest.mark.usefixtures("opened")
async def test_without_a_look_up_the_key_stays() -> None:
    provider = Storing()
    assert (await run(ONE, making(provider, SameKey()))).outcomes == {"dead-lettered": 1}
    assert provider.calls == [FIRST] * EFFECT.attempts
    [letter] = await dead_letter_rows()
    assert (letter.error_type, letter.error) == ("KeySpent", "status 500 again")


@pytest.mark.usefixtures("opened")
async def test_the_same_key_is_repeated_and_only_a_spent_one_is_looked_up() -> None:
    provider = Storing(plan=[UnknownOutcome("lost")])
    make = making(provider, SameKey(find=provider.find))
    assert (await run(ONE, make)).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST, FIRST, FIRST, SECOND]
    assert provider.look_ups == 1


@pytest.mark.usefixtures("opened")
async def test_the_look_up_beside_the_same_key_can_find_what_happened() -> None:
    provider = Storing(happens=True)
    make = making(provider, SameKey(find=provider.find))
    assert (await run(ONE, make)).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST, FIRST]
    assert await row() == (FIRST, "done", 0)


@pytest.mark.usefixtures("opened")
async def test_a_key_that_was_not_used_stays_the_next_one() -> None:
    """Refused by a rate limit under its new key, the item comes back later and uses that key."""
    provider = Storing()
    make = making(provider)
    provider.plan = [KeySpent("500 again")]
    await make(await batch_of(ONE))
    assert await row() == (SECOND, "renewed", 1)
    provider.plan, provider.failing = [TransientError("429", 60), Parked("not today")], 0
    await make(await batch_of(ONE))
    assert await row() == (SECOND, "renewed", 1)


async def test_an_item_cancelled_meanwhile_does_not_use_the_new_key(opened: Runtime) -> None:
    provider = Storing(plan=[KeySpent("500 again")])
    make = making(provider)
    await make(await batch_of(ONE))
    await cancel(opened.journal, BY)
    assert (await run(ONE, make)).outcomes == {"job cancelled": 1}
    assert provider.calls == [FIRST]
    assert await row() == (SECOND, "refused", 1)


@pytest.mark.parametrize("calls_before", [0, 1, 2])
async def test_generations_survive_a_crash(journal_settings: Settings, calls_before: int) -> None:
    """The process crashes in the call after so many failures; the next one goes on."""
    provider = Storing()
    make = making(provider)
    crash = provider.make

    async def crashing(key: str) -> None:
        if len(provider.calls) == calls_before:
            provider.plan = [Killed()]
        await crash(key)

    provider.make = crashing  # type: ignore[method-assign]  # the crash of this test
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(ONE, make)
        assert await row() == (
            SECOND if calls_before == 2 else FIRST,
            "intended",
            calls_before // 2,
        )
    async with open_runtime(journal_settings):
        assert (await run(ONE, make)).outcomes == {"job completed": 1}
        assert await row() == (SECOND, "done", 1)
    assert len(provider.made) == 1
    assert set(provider.calls) == {FIRST, SECOND}


async def test_a_crash_after_the_new_key_is_journalled(journal_settings: Settings) -> None:
    provider = Storing()
    make = making(provider)
    async with crashing_runtime(journal_settings):
        provider.plan = [KeySpent("500 again")]
        await make(await batch_of(ONE))
        assert await row() == (SECOND, "renewed", 1)
    provider.failing = 0
    async with open_runtime(journal_settings):
        assert (await run(ONE, make)).outcomes == {"job completed": 1}
    assert provider.calls == [FIRST, SECOND]


async def test_a_dead_letter_is_replayed_with_the_next_key(opened: Runtime) -> None:
    """All attempts met the stored failure, and the provider could not be asked."""
    provider = Storing(unseen=[TransientError("away")] * EFFECT.attempts)
    make = making(provider)
    assert (await run(ONE, make)).outcomes == {"dead-lettered": 1}
    provider.unseen.clear()
    assert await replay(opened.journal, BY)
    assert (await run(ONE, make)).outcomes == {"job completed": 1}
    assert provider.made == [SECOND]


def undoing(provider: Storing, made: Provider) -> tuple[Any, Any]:
    """An agent that fails for good after its effect, and whose undo has an effect at `provider`."""

    @agent(EFFECT, settle=Lookup(provider.find))
    async def make(job: Job, _undone: UndoneKey, key: EffectKey) -> Made:
        await provider.make(key)
        return Made(by="undo", n=job.n)

    @agent(EFFECT, settle=SameKey())
    async def fail(_job: Job) -> None:
        raise PermanentError("no")

    return effect_of(made, name="do", undo=make), fail


@pytest.mark.usefixtures("opened")
async def test_a_compensation_has_generations_too(provider: Provider) -> None:
    storing = Storing()
    do, fail = undoing(storing, provider)
    assert (await run(ONE, do, fail)).outcomes == {"job compensated": 1}
    assert storing.calls == [FIRST, FIRST, SECOND]
    assert await row() == (SECOND, "done", 1)


async def test_a_refused_compensation_is_replayed_with_the_next_key(
    opened: Runtime, provider: Provider
) -> None:
    """Stripe stores a refusal too, such as that of a refund that the balance does not cover."""
    storing = Storing(failing=0, plan=[PermanentError("the balance does not cover it")])
    do, fail = undoing(storing, provider)
    assert (await run(ONE, do, fail)).outcomes == {"dead-lettered": 1}
    assert await row() == (FIRST, "refused", 0)
    assert await replay(opened.journal, BY)
    assert (await run(ONE, do, fail)).outcomes == {"job compensated": 1}
    assert storing.calls == [FIRST, SECOND]
    assert storing.look_ups == 1


@pytest.mark.parametrize("says", [None, PermanentError("it failed at the bank")])
async def test_a_refused_compensation_that_was_done_by_hand_is_found(
    opened: Runtime, provider: Provider, says: BaseException | None
) -> None:
    """A look-up that says how it failed confirms the failure."""
    storing = Storing(failing=0, plan=[PermanentError("the balance does not cover it")])
    do, fail = undoing(storing, provider)
    await run(ONE, do, fail)
    if says is None:
        storing.made.append("by hand")
    else:
        storing.unseen.append(says)
    assert await replay(opened.journal, BY)
    assert (await run(ONE, do, fail)).outcomes == {"job compensated": 1}
    assert storing.calls == ([FIRST] if says is None else [FIRST, SECOND])
    assert await states() == {"one": "compensated"}
