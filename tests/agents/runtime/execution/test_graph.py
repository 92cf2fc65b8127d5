"""A graph follows from the types of its agents, and is refused by name where it cannot be run."""

from typing import Protocol

import pytest
from pydantic import BaseModel

from agents.runtime.execution.agent import BegunAt, EffectKey, Reference
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.graph import graph
from agents.runtime.model.item import Decision
from agents.runtime.model.policies import EFFECT, PURE
from tests.agents.runtime.jobs import HOUR, Job


class Weighed(BaseModel):
    """A fact."""


class Priced(BaseModel):
    """A fact."""


class Billed(BaseModel):
    """A fact."""


class Scales(Protocol):
    """A service."""


class Ovens(tuple[Scales, ...]):
    """A service that is no protocol."""

    __slots__ = ()


@agent(PURE)
def weigh(_job: Job, _scales: Scales, _ovens: Ovens) -> Weighed:
    return Weighed()


@agent(PURE, batched=True)
def price(_jobs: list[Job], _decision: Decision | None) -> list[Priced]:
    return []


@agent(EFFECT, settle=HOUR)
async def bill(
    _job: Job, _w: Weighed, _p: Priced | None, _key: EffectKey, _r: Reference, _at: BegunAt
) -> Billed:
    return Billed()


@agent(PURE)
def archive(_job: Job) -> None:
    return None


def test_an_agent_runs_after_those_whose_facts_it_takes() -> None:
    found = graph(bill, price, archive, weigh)
    assert found.agents == (price, archive, weigh, bill)
    assert found.before == {price: (), archive: (), weigh: (), bill: (price, weigh)}


def test_a_fact_that_may_be_missing_needs_no_agent() -> None:
    assert graph(weigh, bill).before == {weigh: (), bill: (weigh,)}


def test_a_batched_agent_takes_lists_of_facts() -> None:
    @agent(PURE, batched=True)
    def pack(_jobs: list[Job], _weighed: list[Weighed], _scales: Scales) -> list[Billed]:
        return []

    assert graph(pack, weigh).before[pack] == (weigh,)


def test_after_adds_what_no_type_says() -> None:
    found = graph(archive, weigh, bill, after={archive: [bill]})
    assert found.agents == (weigh, bill, archive)
    assert found.before[archive] == (bill,)


def test_a_graph_is_drawn_without_implied_arrows() -> None:
    found = graph(weigh, price, bill, archive, after={archive: [bill, weigh]})
    assert found.draw().splitlines() == [
        "flowchart LR",
        "    weigh --> bill",
        "    price --> bill",
        "    bill --> archive",
    ]
    assert graph(weigh, archive).draw().splitlines()[1:] == ["    weigh", "    archive"]


@agent(PURE)
def weigh_again(_job: Job) -> Weighed | None:
    return None


@agent(PURE)
def weigh_priced(_job: Job, _p: Priced) -> Weighed:
    return Weighed()


@agent(PURE)
def price_weighed(_job: Job, _w: Weighed) -> Priced:
    return Priced()


def test_a_graph_that_cannot_be_run_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="weigh is in the graph twice"):
        graph(weigh, price, weigh)
    with pytest.raises(ValueError, match="weigh and weigh_again both state Weighed"):
        graph(weigh, weigh_again)
    with pytest.raises(
        ValueError, match="bill needs a Weighed, which no agent of the graph states"
    ):
        graph(price, bill)
    with pytest.raises(
        ValueError,
        match=r"weigh_priced -> price_weighed -> weigh_priced|price_weighed -> weigh_priced -> price_weighed",
    ):
        graph(weigh_priced, price_weighed)
    with pytest.raises(ValueError, match="after= names archive, which is not in the graph"):
        graph(weigh, after={weigh: [archive]})
    with pytest.raises(ValueError, match="after= names archive, which is not in the graph"):
        graph(weigh, after={archive: [weigh]})
    with pytest.raises(ValueError, match="wait for each other: weigh -> weigh"):
        graph(weigh, after={weigh: [weigh]})
