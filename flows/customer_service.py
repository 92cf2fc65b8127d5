"""Customer service: every turn of a conversation is understood, decided, carried out and answered.

Run it with `python -m flows.customer_service --file turns.jsonl --out replies.jsonl`.
"""

import asyncio
from collections import Counter
from pathlib import Path

import orjson
from prefect import flow
from pydantic import ValidationError

from agents.orders.scenario import CHANGES
from agents.runtime.batch import Batch
from agents.runtime.errors import AgentError
from agents.runtime.intake import Intake
from agents.runtime.journal import journal
from agents.runtime.journal.inquiries import named
from agents.runtime.saga import saga
from agents.runtime.tally import Tally
from agents.services.files.records import BadRecord, read_records
from agents.support.carry_out import carry_out
from agents.support.decide_turn import decide_turn
from agents.support.desk import Desk, open_desk
from agents.support.handover import HANDOVERS, await_person
from agents.support.learn_outcome import learn_outcome
from agents.support.models import CarriedOut, Turn
from agents.support.reply_turn import reply_turn
from agents.support.understand_turn import understand_turn
from flows.listings import Listing
from flows.order_processing import amend
from flows.terminal import command


class BadTurns(AgentError):
    """A file of turns that cannot be answered."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; nothing of the file was answered"


@flow(name="customer-service", persist_result=False)
async def serve_turns(file: str, out: str = "replies.jsonl") -> Listing:
    """Answer every turn of a file, those of one conversation in their order.

    Args:
        file: JSON Lines of turns: {"conversation", "user", "text"}; `user` is who has signed in.
        out: JSON Lines of replies, a line a turn in the file's order.

    """
    turns = read_turns(file)
    async with open_desk() as desk:
        async for batch in desk.accepted(turns):
            await answer(batch)
        lines = [await _line(desk, turn) for turn in turns]
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    await asyncio.to_thread(Path(out).write_bytes, text)
    actions = Counter("hand over" if line["handoff"] else str(line["action"]) for line in lines)
    table = [{"action": word, "turns": f"{n:,}"} for word, n in actions.most_common()]
    return Listing(title=f"{len(lines):,} turns answered", table=table, lines=[f"replies: {out}"])


async def answer(batch: Batch) -> None:
    """What every turn goes through, whoever brings it."""
    async with saga(batch):
        batch = await understand_turn(batch)
        batch = await decide_turn(batch)
        batch = await carry_out(batch)
        await see_to_what_was_asked_for(batch)
        batch = await learn_outcome(batch)
        await reply_turn(batch)


async def see_to_what_was_asked_for(batch: Batch) -> None:
    """Take changes and hand-overs of these turns through their own stories, here and now."""
    facts = [fact for item in batch.peek() if (fact := item.fact(CarriedOut)) is not None]
    for scenario, story, keys in (
        (CHANGES, amend, [fact.change for fact in facts if fact.change]),
        (HANDOVERS, hand_back, [fact.handover for fact in facts if fact.handover]),
    ):
        if keys:
            items = await named(journal(), scenario.name, keys)
            waiting = Intake(scenario, Tally(), reject=lambda _: None)
            async for some in waiting.resumed(len(keys), [item.id for item in items]):
                await story(some)


async def hand_back(batch: Batch) -> None:
    """What every hand-over goes through: it waits for a person."""
    async with saga(batch):
        await await_person(batch)


def read_turns(path: str) -> list[Turn]:
    """The turns of a file, numbered by conversation. Raises BadTurns and SourceError."""
    numbers: Counter[str] = Counter()
    turns = []
    for record in read_records(path):
        if isinstance(record, BadRecord):
            raise BadTurns(path, record.message)
        try:
            named = {"number": 1} | record.body
            numbers[str(named.get("conversation"))] += 1
            turns.append(
                Turn.model_validate(named | {"number": numbers[str(named.get("conversation"))]})
            )
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadTurns(path, f"line {record.line}: {where}: {first['msg']}") from None
    return turns


async def _line(desk: Desk, turn: Turn) -> dict[str, object]:
    understood, decided, replied = await desk.answered(turn)
    return {
        "conversation": turn.conversation,
        "user": turn.user,
        "text": turn.text,
        "intent": understood.best.name,
        "confidence": understood.best.confidence,
        "slots": understood.slots.model_dump(mode="json", exclude_defaults=True),
        "reply": replied.text,
        "citations": list(replied.citations),
        "action": decided.request.kind if decided.request is not None else decided.action,
        "handoff": bool(replied.after.taken_over),
    }


if __name__ == "__main__":
    command(serve_turns)
