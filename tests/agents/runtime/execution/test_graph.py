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
def knead(_job: Job, _scales: Scales, _ovens: Ovens) -> Weighed:
    return Weighed()


@agent(PURE, batched=True)
def glaze(_jobs: list[Job], _decision: Decision | None) -> list[Priced]:
    return []


@agent(EFFECT, settle=HOUR)
async def wrap(
    _job: Job, _w: Weighed, _p: Priced | None, _key: EffectKey, _r: Reference, _at: BegunAt
) -> Billed:
    return Billed()


@agent(PURE)
def shelve(_job: Job) -> None:
    return None


def test_an_agent_runs_after_those_whose_facts_it_takes() -> None:
    found = graph(wrap, glaze, shelve, knead)
    assert found.agents == (glaze, shelve, knead, wrap)
    assert found.before == {glaze: (), shelve: (), knead: (), wrap: (glaze, knead)}


def test_a_fact_that_may_be_missing_needs_no_agent() -> None:
    assert graph(knead, wrap).before == {knead: (), wrap: (knead,)}


def test_a_batched_agent_takes_lists_of_facts() -> None:
    @agent(PURE, batched=True)
    def pack(_jobs: list[Job], _weighed: list[Weighed], _scales: Scales) -> list[Billed]:
        return []

    assert graph(pack, knead).before[pack] == (knead,)


def test_after_adds_what_no_type_says() -> None:
    found = graph(shelve, knead, wrap, after={shelve: [wrap]})
    assert found.agents == (knead, wrap, shelve)
    assert found.before[shelve] == (wrap,)


def test_a_graph_is_drawn_without_implied_arrows() -> None:
    found = graph(knead, glaze, wrap, shelve, after={shelve: [wrap, knead]})
    assert found.draw().splitlines() == [
        "flowchart LR",
        "    knead --> wrap",
        "    glaze --> wrap",
        "    wrap --> shelve",
    ]
    assert graph(knead, shelve).draw().splitlines()[1:] == ["    knead", "    shelve"]


@agent(PURE)
def knead_again(_job: Job) -> Weighed | None:
    return None


@agent(PURE)
def knead_priced(_job: Job, _p: Priced) -> Weighed:
    return Weighed()


@agent(PURE)
def glaze_weighed(_job: Job, _w: Weighed) -> Priced:
    return Priced()


def test_a_graph_that_cannot_be_run_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="knead is in the graph twice"):
        graph(knead, glaze, knead)
    with pytest.raises(ValueError, match="knead and knead_again both state Weighed"):
        graph(knead, knead_again)
    with pytest.raises(
        ValueError, match="wrap needs a Weighed, which no agent of the graph states"
    ):
        graph(glaze, wrap)
    with pytest.raises(
        ValueError,
        match=r"knead_priced -> glaze_weighed -> knead_priced|glaze_weighed -> knead_priced -> glaze_weighed",
    ):
        graph(knead_priced, glaze_weighed)
    with pytest.raises(ValueError, match="after= names shelve, which is not in the graph"):
        graph(knead, after={knead: [shelve]})
    with pytest.raises(ValueError, match="after= names shelve, which is not in the graph"):
        graph(knead, after={shelve: [knead]})
    with pytest.raises(ValueError, match="wait for each other: knead -> knead"):
        graph(knead, after={knead: [knead]})
