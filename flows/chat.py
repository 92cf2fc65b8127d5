"""Chat: a conversation in the terminal, about the documents and orders of the sample.

Run it with `python -m flows.customer_service`.
"""

import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from cyclopts import Parameter
from prefect import flow

from agents.orders import sample
from agents.orders.answers import ANSWERS
from agents.orders.read_orders import read_orders
from agents.orders.run import open_run as open_orders
from agents.orders.scenario import ORDERS
from agents.runtime.context import runtime
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queries import named
from agents.runtime.messaging import answering
from agents.runtime.model.batch import ProcessBatch, RunStats
from agents.runtime.prefect_ui import rename_run
from agents.support.decide_turn import view_shop
from agents.support.models import LONGEST_TEXT, Replied, Turn
from agents.support.phrasing import listener
from agents.support.run import ConversationRun, open_run
from agents.support.scenario import TURNS
from flows.cli.lines import Lines
from flows.cli.reports import Listing
from flows.fulfilment import fulfil
from flows.operations.consumer import task_runs

USER = "yara_ito_8499"
User = Annotated[str, Parameter(allow_leading_hyphen=False)]


@flow(name="chat", flow_run_name="chat of {user}", persist_result=False)
async def chat(user: User = USER) -> Listing:
    """Talk to customer service in the terminal; an empty line ends the conversation.

    Example: `uv run python -m flows.customer_service --user yara_ito_8499`

    Args:
        user: Customer who has signed in; that customer's sample orders are put into the journal.

    """
    await rename_run(f"chat: {user}")
    orders = await put_orders(user)
    async with open_run() as run, task_runs(TURNS.name) as process:
        with answering(ANSWERS):
            shop = await view_shop(user, set(orders))
        print(
            f"You have signed in as {user}. Say anything in English or 中文; an empty line ends it."
        )
        for order in shop.orders.values():
            goods = ", ".join(piece.name for piece in order.pieces)
            print(f"  order {order.order}, {order.status}: {goods}")
        conversation, turns, begun = f"chat-{uuid.uuid4().hex[:12]}", 0, time.monotonic()
        shown: list[str] = []
        listener.set(partial(show_part, shown))
        lines = Lines()
        while text := (await lines.next("you> "))[:LONGEST_TEXT]:
            turns += 1
            turn = Turn(conversation=conversation, number=turns, user=user, text=text)
            show(await reply_to(run, process, turn), shown="".join(shown))
            shown.clear()
    return Listing(title=f"{turns} turns of {conversation}, {time.monotonic() - begun:.0f} s")


async def reply_to(run: ConversationRun, process: ProcessBatch, turn: Turn) -> Replied:
    """The answer to a turn."""
    async for batch in run.accepted([turn]):
        await process(batch)
    _, _, reply = await run.answered(turn)
    return reply


def show_part(shown: list[str], part: str) -> None:
    """Show a part of an answer while a language model writes it."""
    shown.append(part)
    print(part, end="", flush=True)


def show(reply: Replied, shown: str) -> None:
    """Show the answer, unless its text is `shown` already, and its citations."""
    if shown:
        print()
    if shown != reply.text:
        print(f"bot> {reply.text or '(a person has taken over)'}")
    for citation in reply.citations:
        print(f"     [{citation}]")


async def put_orders(user: str) -> Sequence[str]:
    """Put the sample's orders of a customer into the journal: the first shipped, the others queued."""
    found = [record for record in read_orders(str(sample.ORDERS)) if _is_of(record, user)]
    mine = [record for record in found if isinstance(record, Submission)]
    async with open_orders("sample", faults="none", stock=None, report=None) as run:
        known = await named(runtime().journal, ORDERS.name, [record.key for record in mine])
        if mine and not known:
            intake = Intake(ORDERS, RunStats(), reject=lambda _: None)
            async for batch in intake.accepted(mine[:1], 1):
                await fulfil(batch)
            async for _ in run.intake.queued(mine[1:], 100, Priority.LOW):
                pass
    return [record.key for record in mine]


def _is_of(record: object, user: str) -> bool:
    return isinstance(record, Submission) and record.payload.customer.id == user
