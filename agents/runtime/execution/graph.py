"""A graph of agents: what each one needs by type says which ones run before it, the others side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError

from agents.runtime.execution.agent import OF_ITEM, Agent, EffectKey
from agents.runtime.execution.branches import run_branches
from agents.runtime.model.batch import Batch
from agents.runtime.model.item import Decision

AnyAgent = Agent[Any, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """Agents in an order that respects `before`: for each agent, those that it runs after."""

    agents: tuple[AnyAgent, ...]
    before: Mapping[AnyAgent, tuple[AnyAgent, ...]]

    async def __call__(self, batch: Batch) -> Batch:
        """Run every agent once on the batch, side by side where the graph allows; returns those that go on.

        An item that one agent does not finish goes no further in any branch. It is moved when no branch
        has it in work. An exception of one agent ends the others before it is raised.
        """
        return await run_branches(self.agents, self.before, batch)

    def draw(self) -> str:
        """The graph as a Mermaid flowchart, without the arrows that others imply."""
        arrows = [
            f"    {first.name} --> {agent.name}"
            for agent in self.agents
            for first in self._directly_before(agent)
        ]
        alone = [f"    {agent.name}" for agent in self.agents if not self._is_drawn(agent)]
        return "\n".join(["flowchart LR", *alone, *arrows])

    def _directly_before(self, agent: AnyAgent) -> list[AnyAgent]:
        """What runs right before the agent: nothing that runs before another of them."""
        implied = {one for first in self.before[agent] for one in self._all_before(first)}
        return [
            first for first in self.agents if first in self.before[agent] and first not in implied
        ]

    def _all_before(self, agent: AnyAgent) -> set[AnyAgent]:
        found = set(self.before[agent])
        for first in self.before[agent]:
            found |= self._all_before(first)
        return found

    def _is_drawn(self, agent: AnyAgent) -> bool:
        return bool(self.before[agent]) or any(agent in firsts for firsts in self.before.values())


def graph(*agents: AnyAgent, after: Mapping[AnyAgent, Sequence[AnyAgent]] | None = None) -> Graph:
    """A graph of these agents, each of which runs after those whose facts it takes.

    `after` adds what no type says: for an agent, those that it must run after. Raises ValueError if an
    agent is there twice or not at all, if two agents state the same fact, if nobody states a fact that
    an agent cannot do without, or if agents wait for each other.
    """
    _require_once(agents)
    stating = _stating(agents)
    before = {agent: _by_type(agent, stating) for agent in agents}
    for agent, firsts in (after or {}).items():
        for one in (agent, *firsts):
            if one not in before:
                raise ValueError(f"after= names {one.name}, which is not in the graph")
        before[agent] |= set(firsts)
    ordered = _ordered(agents, before)
    return Graph(ordered, {a: tuple(b for b in ordered if b in before[a]) for a in ordered})


def _require_once(agents: Sequence[AnyAgent]) -> None:
    for index, agent in enumerate(agents):
        if agent in agents[:index]:
            raise ValueError(f"{agent.name} is in the graph twice")


def _stating(agents: Iterable[AnyAgent]) -> dict[Any, AnyAgent]:
    """Which agent states each fact."""
    found: dict[Any, AnyAgent] = {}
    for agent in agents:
        for kind in _alternatives(agent.stated):
            if kind is not NoneType and found.setdefault(kind, agent) is not agent:
                names = f"{found[kind].name} and {agent.name}"
                raise ValueError(f"{names} both state {_name_of(kind)}: one would hide the other")
    return found


def _by_type(agent: AnyAgent, stating: Mapping[Any, AnyAgent]) -> set[AnyAgent]:
    """The agents whose facts this one takes."""
    found: set[AnyAgent] = set()
    for kind in agent.parameters:
        if kind is EffectKey or kind in OF_ITEM or Decision in _alternatives(kind):
            continue
        facts = _alternatives(get_args(kind)[0] if agent.batched and get_args(kind) else kind)
        found |= {stating[fact] for fact in facts if fact in stating}
        if len(facts) == 1 and facts[0] not in stating and _is_storable(kind):
            raise ValueError(
                f"{agent.name} needs a {_name_of(kind)}, which no agent of the graph states"
            )
    return found - {agent}


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _is_storable(kind: Any) -> bool:
    """Whether the journal could store it. If not it is no fact: a service, which `provide` has."""
    try:
        TypeAdapter(kind)
    except PydanticSchemaGenerationError:
        return False
    return True


def _ordered(
    agents: Sequence[AnyAgent], before: Mapping[AnyAgent, set[AnyAgent]]
) -> tuple[AnyAgent, ...]:
    """The agents in an order that respects the graph, as far as possible in that in which they are named."""
    sorter = TopologicalSorter({agent: before[agent] for agent in agents})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(agent.name for agent in error.args[1])
        raise ValueError(f"agents wait for each other: {circle}") from None
    ordered: list[AnyAgent] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=agents.index)
        ordered += ready
        sorter.done(*ready)
    return tuple(ordered)


def _name_of(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))
