"""Operators in tests: an agent that asks them, their actions, and what the journal has of them."""

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
    """An agent that asks an operator before its work; `answers` are the decisions of its calls."""

    def __init__(self, name: str = "ask") -> None:
        self.answers: list[Decision | None] = []

        def ask(_job: Job, decision: Decision | None) -> Made:
            self.answers.append(decision)
            if decision is None:
                raise Parked("may I?")
            return Made(by=name)

        ask.__name__ = name
        self.agent: AnyAgent = agent(PURE)(ask)


async def resume(*workflow: AnyAgent, scenario: Scenario = JOBS) -> Run:
    """Run all items that are due and not held, as recovery does."""
    result = Run(RunStats())
    async for batch in Intake(scenario, result.stats, result.rejections.append).resumed(256):
        current = batch
        async with saga(batch):
            for step in workflow:
                current = await step(current)
    return result


async def events(name: str) -> list[dict[str, Any]]:
    """The details of all events of this name in the history."""
    return [orjson.loads(row.detail) for row in await rows(history) if row.event == name]


async def the_item() -> Any:
    (row,) = await rows(items)
    return row


def plan_outage(provider: Provider, key: str = "one", times: int = TOO_OFTEN) -> None:
    """Let the provider fail for this job so often that the item becomes a dead letter."""
    provider.before[key] = [TransientError("away") for _ in range(times)]


async def at_once(actions: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Begin all actions on one item before the first can finish; returns results and errors."""
    async with runtime().journal.database.write() as connection:
        await connection.execute(select(items).with_for_update())
        begun = [asyncio.ensure_future(call) for call in actions]
        # On PostgreSQL each needs its own connection before it can wait for the row.
        await asyncio.sleep(0.01 if is_sqlite(connection) else 1.5)
    return await asyncio.gather(*begun, return_exceptions=True)
