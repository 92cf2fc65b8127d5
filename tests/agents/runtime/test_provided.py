"""Services by type: an agent, its look-up, its message and any function ask for them alike."""

from typing import Any, NewType, Protocol

import pytest

from agents.runtime import (
    AT_MOST_ONCE,
    EFFECT,
    EffectKey,
    Lookup,
    Notice,
    UnknownOutcome,
    agent,
    provide,
)
from agents.runtime.provided import provided, with_services
from tests.agents.runtime.jobs import HERE, Job, Made, jobs, run, with_notices


class Maker(Protocol):
    """Makes a thing under a key."""

    async def make(self, key: str) -> None: ...


Ledger = NewType("Ledger", dict[str, str])


class Forgetful:
    """Makes the thing, and its first answer is lost."""

    def __init__(self) -> None:
        self.made: list[str] = []

    async def make(self, key: str) -> None:
        self.made.append(key)
        if len(self.made) == 1:
            raise UnknownOutcome("lost")


def maker_agent() -> Any:
    async def find(_job: Job, key: EffectKey, ledger: Ledger) -> Made | None:
        return Made(by=ledger[key]) if key in ledger else None

    @agent(EFFECT, settle=Lookup(find))
    async def make(_job: Job, key: EffectKey, maker: Maker, ledger: Ledger) -> Made:
        ledger[key] = "found"
        await maker.make(key)
        return Made(by="made")

    return make


@pytest.mark.usefixtures("opened", "no_waits")
async def test_agents_and_their_look_ups_get_services_by_type() -> None:
    maker, ledger = Forgetful(), Ledger({})
    with provide({Maker: maker, Ledger: ledger}):
        told = await run(jobs(1), maker_agent())
    assert told.outcomes == {"job completed": 1}
    assert maker.made == list(ledger) == [f"{HERE}:default:jobs:job-0000:make:0"]


@pytest.mark.usefixtures("opened")
async def test_a_message_gets_services_by_type() -> None:
    sent = Ledger({})

    @agent(EFFECT, settle=AT_MOST_ONCE, outbox=True)
    async def notify(_job: Job, notice: Notice, key: EffectKey, ledger: Ledger) -> None:
        ledger[key] = notice.body

    with provide({Maker: Forgetful(), Ledger: Ledger({})}):
        with provide({Ledger: sent}):
            await run(jobs(1), after=notify, scenario=with_notices("ended"))
        assert provided()[Ledger] == {}, "the inner block alone had its own"
    assert sent == {f"{HERE}:default:jobs:job-0000:notify:0:ended:email": "done"}
    assert Ledger not in provided()


def test_any_function_can_ask_for_services() -> None:
    def count(more: int, ledger: Ledger) -> int:
        return more + len(ledger)

    with provide({Ledger: Ledger({"a": "b"})}):
        assert with_services(count)(1) == 2
    with pytest.raises(TypeError, match="ledger"):
        with_services(count)(1)
