"""A conversation: what every turn of it goes through, and how it is handed to a person."""

import agents.support.extra
from agents.orders.answers import ANSWERS
from agents.orders.scenario import CHANGES
from agents.runtime.context import runtime
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.queries import named
from agents.runtime.messaging import answering
from agents.runtime.model.batch import Batch, RunStats
from agents.support.carry_out import carry_out
from agents.support.change_results import keep_change_result
from agents.support.decide_turn import decide_turn
from agents.support.handover import HANDOVERS, await_person
from agents.support.models import CarriedOut
from agents.support.phrase_turn import phrase_turn
from agents.support.read_change_result import read_change_result
from agents.support.reply_turn import reply_turn
from agents.support.understand_turn import understand_turn
from flows.order_processing import amend


async def answer(batch: Batch) -> None:
    """Take turns through all steps; what they ask of order processing is answered in this process."""
    with answering(ANSWERS):
        await _answer(batch)


async def _answer(batch: Batch) -> None:
    async with saga(batch):
        batch = await understand_turn(batch)
        batch = await decide_turn(batch)
        batch = await carry_out(batch)
        await see_to_what_was_asked_for(batch)
        batch = await read_change_result(batch)
        batch = await phrase_turn(batch)
        await reply_turn(batch)


async def see_to_what_was_asked_for(batch: Batch) -> None:
    """Take changes and hand-overs of these turns through their own stories, here and now."""
    facts = [fact for item in batch.peek() if (fact := item.fact(CarriedOut)) is not None]
    for scenario, story, keys in (
        (CHANGES, amend, [fact.change for fact in facts if fact.change]),
        (HANDOVERS, hand_back, [fact.handover for fact in facts if fact.handover]),
    ):
        if keys:
            items = await named(runtime().journal, scenario.name, keys)
            waiting = Intake(scenario, RunStats(), reject=lambda _: None)
            async for some in waiting.resumed(len(keys), [item.id for item in items]):
                await story(some)


async def keep_result(batch: Batch) -> None:
    """Take results of changes through all steps: each is kept for the next turn of its conversation."""
    with answering(ANSWERS):
        async with saga(batch):
            await keep_change_result(batch)


async def hand_back(batch: Batch) -> None:
    """What every hand-over goes through: it waits for a person."""
    async with saga(batch):
        await await_person(batch)
