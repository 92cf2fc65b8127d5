"""Decide the next step of a conversation, from what was said before and the user's own orders."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from agents.runtime import READ, TransientError, agent, runtime
from agents.runtime.journal.conversations import latest_handover
from agents.runtime.journal.queries import ItemHistory, item_history, outcome_of
from agents.runtime.messaging import ask
from agents.runtime.model.lifecycle import ENDED
from agents.shop.catalogue import catalogue
from agents.shop.contracts import ACCOUNT, AccountQuestion
from agents.support import upcasts
from agents.support.change_results import CHANGE_RESULTS, keep_change_result
from agents.support.dialogue.describing import is_own, words_to_look_up
from agents.support.dialogue.disposing import chosen_passages, dispose
from agents.support.dialogue.forms import INFORMS, ShopView
from agents.support.dialogue.informing import READS, SAID, facts_for
from agents.support.dialogue.language import language
from agents.support.dialogue.meanings import ELLIPTIC
from agents.support.dialogue.policy import answer_from, decide
from agents.support.dialogue.products import asks_for_cheaper
from agents.support.dialogue.sensible import WHEN, rule_beside, sensible, with_other
from agents.support.dialogue.turn_context import TurnContext
from agents.support.handover import HANDOVERS, await_person
from agents.support.knowledge.documents import AskedPassage
from agents.support.knowledge.retrieve import retrieve
from agents.support.models import (
    AwaitedChange,
    ChangeOutcome,
    Decided,
    Dialogue,
    Intent,
    Language,
    Part,
    Proposed,
    Replied,
    Turn,
    Understood,
    key_of,
    said_by,
)
from agents.support.reply_turn import reply_turn
from agents.support.scenario import TURNS
from agents.support.understanding.spelling import corrected

GIVE_WAY = INFORMS | SAID | {"product", "complaint", "payment_problem", "out_of_scope"}
# What is asked of the order that was named last, not of the rules: "how did I pay?"
OWN_ORDER = re.compile(
    r"\b(?:did i|have i|i (?:paid|bought|ordered)|was i)\b|[付买订]的[吗呢？?。]*$|我(?:付|买|订)了",
    re.IGNORECASE,
)
# What our rules say of it is asked for in these words, since the customer's are about one order.
REFUND_DAYS: Mapping[Language, str] = {"en": "how long does a refund take", "zh": "退款多久到账"}
LATEST = 5  # own orders that are shown where one has to be named
IN_TURN = replace(
    READ, name="in-turn", attempts=12
)  # some minutes, while other items are processed


class OutOfOrder(TransientError):
    """The turn before this one is not answered yet."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a turn is decided from: what was `closed` before it, what is remembered, shop and passages."""

    closed: tuple[Part, ...]
    before: Dialogue
    shop: ShopView
    passages: tuple[AskedPassage, ...]


@agent(
    IN_TURN,
    version="1.4",
    upcasts={"1.1": upcasts.decided, "1.3": upcasts.began, "1.4": upcasts.said_of_tasks},
)
async def decide_turn(turn: Turn, understood: Understood, proposed: Proposed | None) -> Decided:
    """The next step of the dialogue. Raises OutOfOrder.

    An order of another customer is treated like an order that does not exist.
    """
    return await decided_from(turn, understood, proposed, await seen(turn, understood))


async def decided_from(
    turn: Turn, understood: Understood, proposed: Proposed | None, scene: Scene
) -> Decided:
    """The next step in this scene; it reads neither the journal nor the shop."""
    closed, spoken = scene.closed, scene.shop.language
    is_answer = scene.before.task is not None and scene.before.task.asked == "address"
    if not is_answer:
        text = with_other(corrected(turn.text), scene.before, scene.shop)
        turn = turn.model_copy(update={"text": text})
    command = proposed.command if proposed is not None else None
    goes_on = scene.before.topics and ELLIPTIC.search(turn.text)  # "and the kettle?"
    of_order = scene.before.order and (understood.topics or goes_on or OWN_ORDER.search(turn.text))
    of_goods = bool(understood.topics) and is_own(turn.text, scene.shop)
    if (
        not of_order
        and not of_goods
        and not asks_for_cheaper(turn.text, scene.before.said, scene.shop)
    ):
        understood = _or_a_question(understood, scene.passages)
    understood = sensible(understood, turn.text, scene.before, scene.shop, scene.passages)
    understood = understood.model_copy(update={"language": spoken})
    disposed = dispose(command, turn.text, understood, scene.before, scene.shop)
    understood = disposed.understood
    context = TurnContext(
        turn, understood, scene.before, scene.shop, disposed.doubt, disposed.selection
    )
    decided = decide(context)
    if decided is None:
        decided = answer_from(context, chosen_passages(command, scene.passages))
    elif decided.action != "hand_over":
        closed = (*closed, *await _besides(understood, turn.text, scene.shop))
    closed = (*closed, *rule_beside(decided.reason, understood, turn.text, scene.passages))
    of_wishes = [topic for wish in understood.wishes for topic in wish.topics]
    if WHEN in (*understood.topics, *of_wishes) and decided.reason == "refund_status":
        rules = [Part(passage=one) for one in (await retrieve(REFUND_DAYS[spoken], spoken))[:1]]
        first, *others = decided.parts  # a question that is open stays at the end
        decided = decided.model_copy(update={"parts": (first, *rules, *others)})
    topics = understood.topics if decided.reason in INFORMS else ()
    after = decided.after.model_copy(update={"language": spoken, "topics": topics})
    return decided.model_copy(update={"parts": (*closed, *decided.parts), "after": after})


async def seen(turn: Turn, understood: Understood) -> Scene:
    """What a turn is decided from. Raises OutOfOrder."""
    last = await remembered(turn)
    closing, before = await _given_back(last)
    more, before = await _given_back(await _taken_over(turn, last, before))
    results, before = await _results(before)
    orders = words_to_look_up(turn.text) | _orders_of(understood, before)
    spoken = language(turn.text, understood, before)
    shop = replace(await view_shop(turn.user, orders), language=spoken)
    passages = await retrieve(turn.text, spoken)
    return Scene((*closing, *more, *results), before, shop, passages)


def _or_a_question(understood: Understood, passages: Sequence[AskedPassage]) -> Understood:
    """The turn as a question about our rules, if they answer it more surely than its intent is known.

    Only an intent that reads and names no order gives way: "how long do refunds take" is about no order.
    """
    best = understood.best
    if not passages or not passages[0].asked or best.name not in GIVE_WAY:
        return understood
    if understood.slots.orders or passages[0].score <= best.confidence:
        return understood
    question = Intent(name="knowledge", confidence=passages[0].score)
    return understood.model_copy(update={"intents": (question, *understood.intents)})


async def remembered(turn: Turn) -> Dialogue:
    """What the last turn of the same user left; nothing for the first turn. Raises OutOfOrder.

    Nothing passes from one user of a conversation to another. Where a turn came in between, of another
    user or one that was not answered, the open question is no longer the one just asked.
    """
    number = turn.number - 1
    while number:
        before = key_of(turn.conversation, number)
        found = await outcome_of(runtime().journal, TURNS.name, before, reply_turn.name)
        if found is None or found.state not in ENDED:
            raise OutOfOrder(f"turn {turn.key} waits for {before}, which is not answered yet")
        if found.output is not None and said_by(found.body) == turn.user:
            replied: Replied = reply_turn.decode(found.output, found.version)
            is_last = number == turn.number - 1
            return replied.after if is_last else replied.after.model_copy(update={"said": ""})
        number -= 1
    return Dialogue()


def _orders_of(understood: Understood, before: Dialogue) -> set[str]:
    """The orders that the turn names, in capitals or not, and those that are remembered."""
    found = {understood.slots, *(wish.slots for wish in understood.wishes)}
    named = {name for slots in found for name in slots.orders}
    tasks = [task for task in (before.task, *before.later) if task is not None]
    known = {before.order, *(task.order for task in tasks)}
    return {*named, *map(str.upper, named), *map(str.lower, named), *known} - {""}


async def _besides(understood: Understood, text: str, shop: ShopView) -> tuple[Part, ...]:
    """The answers to questions that the turn asks besides what it wants done."""
    found = list[Part]()
    for wish in understood.wishes:
        if wish.name == "knowledge":
            passages = await retrieve(wish.text, shop.language)
            found.append(Part(passage=passages[0]) if passages else Part(template="no evidence"))
        elif wish.name in READS - SAID:
            found += facts_for(wish.name, wish.text, shop) or facts_for(wish.name, text, shop)
    return tuple(found)


async def view_shop(user: str, orders: set[str]) -> ShopView:
    """The user's account, those of these orders that are the user's own, and the goods of the shop."""
    question = AccountQuestion(customer=user, orders=tuple(sorted(orders)), latest=LATEST)
    account = await ask(ACCOUNT, question)
    return ShopView(account.customer, account.orders, catalogue(), account.latest)


async def _given_back(before: Dialogue) -> tuple[tuple[Part, ...], Dialogue]:
    """The message that ends a hand-over, if a person had taken over and it has ended."""
    if not before.taken_over:
        return (), before
    handover = await item_history(runtime().journal, HANDOVERS.name, before.taken_over)
    closing = _closing(handover) if handover is not None else ()
    return closing, before.model_copy(update={"taken_over": ""}) if closing else before


async def _taken_over(turn: Turn, last: Dialogue, before: Dialogue) -> Dialogue:
    """What is remembered if a person has taken the conversation over since the turn before this one.

    The open question is forgotten: a yes to the person is no yes to the agent.
    """
    handover, after = await latest_handover(runtime().journal, turn.conversation)
    if after < turn.number - 1 or handover in {"", last.taken_over} or before.taken_over:
        return before
    nothing: dict[str, object] = {"task": None, "options": (), "later": (), "said": ""}
    return before.model_copy(update={**nothing, "taken_over": handover})


async def _results(before: Dialogue) -> tuple[tuple[Part, ...], Dialogue]:
    """The results of changes that ended since the turn before; none while a person answers."""
    if not before.awaited or before.taken_over:
        return (), before
    parts, awaited = list[Part](), list[AwaitedChange]()
    for waiting in before.awaited:
        found = await outcome_of(
            runtime().journal, CHANGE_RESULTS.name, waiting.change, keep_change_result.name
        )
        if found is None or found.output is None:
            awaited.append(waiting)
            continue
        result: ChangeOutcome = keep_change_result.decode(found.output, found.version)
        values = {"task": waiting.task, "order": waiting.order}
        parts.append(Part(template=f"later {result.outcome}", values=values))
    return tuple(parts), before.model_copy(update={"awaited": tuple(awaited)})


def _closing(handover: ItemHistory) -> tuple[Part, ...]:
    """The message that ends a hand-over: a person's note, or that nobody came in time."""
    if handover.item.state not in ENDED:
        return ()
    for step in handover.steps:
        if step.agent == await_person.name and step.status == "done":
            return (Part(template="closed", values={"note": orjson.loads(step.output)["note"]}),)
    return (Part(template="nobody came"),)
