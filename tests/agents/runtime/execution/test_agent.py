"""The class Agent: its arguments, keys and facts, and how it may be called."""

import hashlib
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from agents.runtime.execution.agent import (
    AGENTS,
    LONGEST_KEY,
    BegunAt,
    EffectKey,
    Reference,
    UndoneKey,
)
from agents.runtime.execution.decorator import agent
from agents.runtime.model.item import Effect, Item
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import EFFECT, PURE, READ
from agents.runtime.names import installation_of
from tests.agents.runtime.jobs import HERE, HOUR, Job, Made, Provider, effect_of, undo_of


class Other(Made, frozen=True):
    """Another fact."""


def item(key: str = "one") -> Item:
    return Item(1, "t", "jobs", key, 1, State.PROCESSING, "0" * 32, Job(key=key))


def test_facts_are_given_by_their_types() -> None:
    @agent(READ)
    async def join(_job: Job, made: Made, other: Other | None) -> Made:
        return made if other is None else other

    one = item()
    one.learn(Made(by="a"))
    assert join.arguments(one, "") == [one.payload, Made(by="a"), None]
    one.learn(Other(by="b"))
    assert join.arguments(one, "") == [one.payload, Made(by="a"), Other(by="b")]


def test_a_missing_fact_is_named() -> None:
    @agent(READ)
    async def join(_job: Job, made: Made) -> Made:
        return made

    with pytest.raises(TypeError, match="join needs a Made, which no agent before it stated"):
        join.arguments(item(), "")


def test_an_effect_gets_its_key_and_an_undo_the_first_key_it_undoes(provider: Provider) -> None:
    undo = undo_of(provider)
    make = effect_of(provider, undo=undo)
    one = item()
    assert make.arguments(one, "mine") == [one.payload, "mine"]
    one.effects["make", 1] = Effect("later", "done", 9.0)
    one.effects["make", 0] = Effect("first", "done", 1.0)
    one.effects["unrelated", 0] = Effect("other", "done", 0.0)
    assert undo.arguments(one, "") == [one.payload, "first"]


@pytest.mark.usefixtures("opened")
async def test_a_key_names_installation_tenant_scenario_item_agent_occurrence_and_generation(
    provider: Provider,
) -> None:
    make = effect_of(provider)
    assert make.key(item(), 0) == f"{HERE}:t:jobs:one:make:0"
    assert make.key(item(), 0, 2) == f"{HERE}:t:jobs:one:make:0.2"
    different = {
        make.key(item(key), n, generation)
        for key in ("one", "two", "one:make")
        for n in (0, 1)
        for generation in (0, 1)
    }
    assert len(different) == 12


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("key", ["x" * 300, "\u00fcnicode", "x" * 170])
async def test_a_key_that_providers_may_not_accept_is_hashed(provider: Provider, key: str) -> None:
    make = effect_of(provider)
    made, digest = make.key(item(key), 0), hashlib.sha256(f"t:jobs:{key}:make:0".encode())
    assert made == f"{HERE}:{digest.hexdigest()}"
    assert installation_of(made) == HERE
    assert make.key(item(key), 0, 1) != made


@pytest.mark.usefixtures("opened")
async def test_the_longest_key_is_kept_and_leaves_room_at_stripe(provider: Provider) -> None:
    made = effect_of(provider).key(item("x" * 169), 0)
    assert len(made) == LONGEST_KEY
    assert made.startswith(f"{HERE}:t:jobs:xxx")
    assert len(f"{made}:refund") < 255


@pytest.mark.usefixtures("opened")
async def test_a_reference_is_unique_to_the_installation_unless_an_earlier_release_gave_it() -> (
    None
):
    @agent(EFFECT, settle=HOUR)
    async def send(job: Job, reference: Reference, begun: BegunAt) -> None: ...

    one = item()
    assert send.arguments(one, "") == [one.payload, f"{HERE}:t:one", inf]
    one.effects["make", 0] = Effect(f"{HERE}:t:jobs:one:make:0", "done", 9.0)
    assert send.arguments(one, "") == [one.payload, f"{HERE}:t:one", 9.0]
    one.effects["open", 0] = Effect("t:jobs:one:open:0", "done", 8.0)
    assert send.arguments(one, "") == [one.payload, "one", 8.0]


def test_a_fact_is_the_same_after_encoding_and_decoding() -> None:
    @agent(READ)
    async def read(_job: Job) -> Made | None:
        return None

    assert read.decode(read.encode(Made(by="x", n=3)), "1") == Made(by="x", n=3)
    assert read.decode(read.encode(None), "1") is None
    assert read.decode(None, "1") is None


def test_a_batched_agent_encodes_the_fact_of_each_item() -> None:
    @agent(PURE, batched=True)
    def score(some: list[Job], made: list[Made]) -> list[Made]:
        return made

    one = item()
    one.learn(Made(by="x"))
    assert score.arguments(one, "") == [one.payload, Made(by="x")]
    assert score.decode(score.encode(Made(by="y")), "1") == Made(by="y")


async def test_call_runs_the_function_on_a_bare_payload() -> None:
    @agent(READ)
    async def read(job: Job) -> Made:
        return Made(by="read", n=job.n)

    @agent(PURE)
    def see(job: Job, extra: int = 0) -> Made:
        return Made(by="see", n=job.n + extra)

    assert await read.call(Job(key="a", n=3)) == Made(by="read", n=3)
    assert await see.call(Job(key="a", n=3), extra=4) == Made(by="see", n=7)


def test_an_effect_takes_no_bare_payload(provider: Provider) -> None:
    with pytest.raises(TypeError, match="never on a bare payload"):
        effect_of(provider).call(Job(key="a"))
    assert provider.calls == []


def test_a_call_takes_a_batch_and_names_the_way_for_a_bare_payload(provider: Provider) -> None:
    with pytest.raises(TypeError, match=r"takes a Batch.*call\("):
        effect_of(provider)(Job(key="a"))
    assert provider.calls == []


def test_the_bare_function_is_the_wrapped_one() -> None:
    @agent(PURE)
    def see(job: Job) -> Made:
        """Look at it."""
        return Made(by="see", n=job.n)

    assert see.function(Job(key="a", n=3)) == Made(by="see", n=3)
    assert see.task.fn.__wrapped__ is see.function  # type: ignore[attr-defined]
    assert (see.name, see.__doc__, see.version) == ("see", "Look at it.", "1")


def test_two_modules_must_not_have_agents_of_the_same_name() -> None:
    def seeing() -> Any:
        def see(_job: Job) -> Made:
            return Made(by="see")

        return see

    first, second = agent(PURE)(seeing()), agent(PURE)(seeing())
    assert AGENTS["see"] is second is not first
    foreign = seeing()
    foreign.__module__ = "elsewhere"
    with pytest.raises(ValueError, match="two agents are named 'see'"):
        agent(PURE)(foreign)
    assert AGENTS["see"] is second


def test_policy_and_options_must_fit(provider: Provider) -> None:
    async def action(_job: Job, _key: EffectKey) -> None: ...
    async def undo(_job: Job, _key: UndoneKey) -> None: ...

    with pytest.raises(TypeError, match="settle= must say"):
        agent(EFFECT)(action)
    with pytest.raises(TypeError, match="is not an effect"):
        agent(READ, settle=HOUR)(action)
    with pytest.raises(TypeError, match="is not an effect"):
        agent(PURE, undo=undo_of(provider))(action)
    with pytest.raises(TypeError, match="one item at a time"):
        agent(EFFECT, settle=HOUR, batched=True)(action)
    assert "action" not in AGENTS
    assert agent(replace(EFFECT, limit="x"), settle=HOUR)(undo).policy.limit == "x"
