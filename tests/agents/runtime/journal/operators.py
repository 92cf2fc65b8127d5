"""People for tests: whom an agent asks, what they do, and what is known of it afterwards."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import orjson
from sqlalchemy import select

from agents.runtime.context import runtime
from agents.runtime.errors import Parked, TransientError
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.schema import history, items
from agents.runtime.journal.statements import is_sqlite
from agents.runtime.model.batch import RunStats
from agents.runtime.model.item import Decision
from agents.runtime.model.policies import EFFECT, PURE
from agents.runtime.model.scenario import Scenario
from tests.agents.runtime.jobs import JOBS, AnyAgent, Job, Made, Provider, Run, rows


def action(key: str = "one", by: str = "ann", reason: str = "had a look") -> OperatorAction:
    return OperatorAction("jobs", key, by, reason)


ONE = [Job(key="one")]
TOO_OFTEN = EFFECT.attempts


class Question:
    """An agent that asks a person before it does its work; remembers what it heard."""

    def __init__(self, name: str = "ask") -> None:
        self.heard: list[Decision | None] = []

        def ask(_job: Job, decision: Decision | None) -> Made:
            self.heard.append(decision)
            if decision is None:
                raise Parked("may I?")
            return Made(by=name)

        ask.__name__ = name
        self.agent: AnyAgent = agent(PURE)(ask)


async def go_on(*story: AnyAgent, scenario: Scenario = JOBS) -> Run:
    """Another process takes up what is due, as a reconciler does."""
    told = Run(RunStats())
    async for batch in Intake(scenario, told.stats, told.rejections.append).resumed(256):
        current = batch
        async with saga(batch):
            for step in story:
                current = await step(current)
    return told


async def events(name: str) -> list[dict[str, Any]]:
    """What the history says of all events of a name."""
    return [orjson.loads(row.detail) for row in await rows(history) if row.event == name]


async def the_item() -> Any:
    (row,) = await rows(items)
    return row


def dying(provider: Provider, key: str = "one", times: int = TOO_OFTEN) -> None:
    """The provider is away so often, which nobody survives."""
    provider.before[key] = [TransientError("away") for _ in range(times)]


async def at_once(deeds: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """What becomes of deeds on one item that all have begun before the first can be done."""
    async with runtime().journal.database.write() as connection:
        await connection.execute(select(items).with_for_update())
        begun = [asyncio.ensure_future(deed) for deed in deeds]
        # On PostgreSQL each needs a connection of its own before it can wait for the row.
        await asyncio.sleep(0.01 if is_sqlite(connection) else 1.5)
    return await asyncio.gather(*begun, return_exceptions=True)
