"""The workflows of a conversation: a turn, a hand-over to a person, and a result that comes later."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import agents.support.extra
from agents.orders.answers import ANSWERS
from agents.orders.scenario import CHANGES
from agents.runtime import Batch, Intake, RunStats, Scenario, runtime, saga
from agents.runtime.journal.queries import named
from agents.runtime.messaging import Answerer, answering
from agents.runtime.settings import settings
from agents.support.carry_out import carry_out
from agents.support.change_results import keep_change_result
from agents.support.decide_turn import decide_turn
from agents.support.handover import HANDOVERS, await_person
from agents.support.models import CarriedOut
from agents.support.phrase_turn import phrase_turn
from agents.support.propose_turn import propose_turn
from agents.support.read_change_result import read_change_result
from agents.support.reply_turn import reply_turn
from agents.support.understand_turn import understand_turn
from flows.fulfilment import amend


async def answer(batch: Batch) -> None:
    """Take turns through all steps; order processing answers their questions in this process."""
    await answer_beside(ANSWERS, batch)


async def answer_beside(answers: Sequence[Answerer], batch: Batch) -> None:
    """Take turns through all steps; these answer the questions to other scenarios."""
    with answering(answers):
        await _answer(batch)


async def _answer(batch: Batch) -> None:
    async with saga(batch):
        batch = await understand_turn(batch)
        if settings().models:
            batch = await propose_turn(batch)
        batch = await decide_turn(batch)
        batch = await carry_out(batch)
        await process_requests(batch)
        batch = await read_change_result(batch)
        batch = await phrase_turn(batch)
        await reply_turn(batch)


async def process_requests(batch: Batch) -> None:
    """Take the changes and hand-overs that these turns have started through their workflows now."""
    stated = [(item.tenant, item.fact(CarriedOut)) for item in batch.peek()]
    facts = [(tenant, fact) for tenant, fact in stated if fact is not None]
    for scenario, process, named_by in (
        (CHANGES, amend, [(tenant, fact.change) for tenant, fact in facts if fact.change]),
        (
            HANDOVERS,
            hand_back,
            [(tenant, fact.handover) for tenant, fact in facts if fact.handover],
        ),
    ):
        if named_by:
            ids = await _ids_of(scenario, named_by)
            intake = Intake(scenario, RunStats(), reject=lambda _: None)
            async for some in intake.resumed(len(named_by), ids):
                await process(some)


async def _ids_of(scenario: Scenario, named_by: list[tuple[str, str]]) -> list[int]:
    """The ids of the scenario's items with these keys, each with its tenant."""
    keys, ids = defaultdict[str, list[str]](list), list[int]()
    for tenant, key in named_by:
        keys[tenant].append(key)
    for tenant, some in keys.items():
        journal = replace(runtime().journal, tenant=tenant)
        ids += [item.id for item in await named(journal, scenario.name, some)]
    return ids


async def hand_back(batch: Batch) -> None:
    """Take hand-overs through all steps: each waits for a person."""
    async with saga(batch):
        await await_person(batch)


async def keep_result(batch: Batch) -> None:
    """Take results of changes through all steps: each is kept for the next turn of its conversation."""
    with answering(ANSWERS):
        async with saga(batch):
            await keep_change_result(batch)
