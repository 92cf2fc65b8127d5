"""Decide: what is done about a turn, by what was said before and by the user's own orders."""

from collections.abc import Mapping
from dataclasses import replace

import orjson

from agents.runtime.context import runtime
from agents.runtime.errors import TransientError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.queries import ItemHistory, item_history, named, outcome_of
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.model.policies import READ
from agents.shop.account_view import change_keys, customer_account, order_account
from agents.shop.accounts import OrderAccount
from agents.shop.catalogue import catalogue, customers
from agents.support import upcasts
from agents.support.dialogue.forms import Books
from agents.support.dialogue.policy import TurnContext, decide, language
from agents.support.knowledge.retrieve import retrieve
from agents.support.models import Decided, Dialogue, Part, Replied, Turn, Understood, key_of
from agents.support.reply_turn import reply_turn

SCENARIO, ORDERS, CHANGES, HANDOVERS = "turns", "orders", "changes", "handovers"
IN_TURN = replace(READ, name="in-turn", attempts=12)  # some minutes, for a turn that is on its way
CLOSED_BY = "await_person"


class OutOfOrder(TransientError):
    """A turn came before the one that it follows: it waits for that."""


@agent(IN_TURN, version="1.1", upcasts={"1.1": upcasts.decided})
async def decide_turn(turn: Turn, understood: Understood) -> Decided:
    """The next step; orders of others are as unknown as those that are none. Raises OutOfOrder."""
    before = await remembered(turn)
    closing: tuple[Part, ...] = ()
    if before.taken_over and (
        told := await item_history(runtime().journal, HANDOVERS, before.taken_over)
    ):
        closing = _closing(told)
        if closing:
            before = before.model_copy(update={"taken_over": ""})
    wanted = {*understood.slots.orders, before.order, before.task.order if before.task else ""}
    books = await books_of(turn.user, wanted - {""})
    spoken = language(understood, before)
    heard = understood.model_copy(update={"language": spoken})
    decided = decide(TurnContext(turn, heard, before, books, retrieve))
    after = decided.after.model_copy(update={"language": spoken})
    return decided.model_copy(update={"parts": (*closing, *decided.parts), "after": after})


async def remembered(turn: Turn) -> Dialogue:
    """What the turn before left; nothing for the first one. Raises OutOfOrder."""
    number = turn.number - 1
    while number:
        before = key_of(turn.conversation, number)
        told = await outcome_of(runtime().journal, SCENARIO, before, reply_turn.name)
        if told is None or told.state not in ENDED:
            raise OutOfOrder(f"turn {turn.key} waits for {before}, which is not answered yet")
        if told.output is not None:
            replied: Replied = reply_turn.decode(told.output, told.version)
            return replied.after
        number -= 1  # a dead letter left nothing: what was remembered before it still holds
    return Dialogue()


async def books_of(user: str, wanted: set[str]) -> Books:
    """The user's methods of payment, and the orders wanted that are the user's own."""
    here = runtime()
    items = await named(here.journal, ORDERS, sorted(wanted)) if wanted else ()
    own = [i for i in items if i.body and orjson.loads(i.body)["customer"]["id"] == user]
    tokens = [orjson.loads(item.body)["payment_method"] for item in own]
    customer = customer_account(user, customers(), ())
    for token in tokens:
        customer = customer_account(user, {user: customer}, (), token)
    orders: Mapping[str, OrderAccount] = {
        item.key: order_account(
            item, await named(here.journal, CHANGES, change_keys(item.key)), customer, catalogue()
        )
        for item in own
    }
    return Books(customer, orders, catalogue())


def _closing(told: ItemHistory) -> tuple[Part, ...]:
    """The one message with which a person, or the end of the time for one, gives a conversation back."""
    if told.item.state not in ENDED:
        return ()
    for stage in told.steps:
        if stage.agent == CLOSED_BY and stage.status == "done":
            return (Part(saying="closed", values={"note": orjson.loads(stage.output)["note"]}),)
    return (Part(saying="nobody came"),)
