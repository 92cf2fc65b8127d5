"""The dialogue's rules: the next step follows from the turn, what is remembered, and the user's orders.

Permissions follow from the user who has signed in, never from text, and nothing changes without a plain yes
to the question just asked, which names the change. The patterns of repair are those of Rasa's CALM: correction,
cancellation, repetition, clarification, digression and hand-over.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from agents.shop.contracts import OrderView
from agents.shop.rules import RuleViolation, perform
from agents.support.dialogue.beginning import (
    MOST_TEXT,
    begun_by,
    begun_by_several,
    each_once,
    several_orders,
    still_open,
    with_said,
    with_text,
)
from agents.support.dialogue.describing import with_orders
from agents.support.dialogue.disposing import completed
from agents.support.dialogue.forms import (
    INFORMS,
    KINDS,
    as_shipped,
    confirmed,
    fill,
    missing,
    refusal,
    request_of,
    shop_after,
    tells_only_pieces,
    why_unclear,
)
from agents.support.dialogue.informing import READS, SMALL_TALK, facts_for, gift_cards, informed
from agents.support.dialogue.meanings import (
    as_possible,
    beside_refusal,
    damaged_order,
    in_context,
    is_other_task,
    is_repeat,
    is_replaced,
    names_it_again,
    product_asked,
    says_it_again,
    wants_person,
)
from agents.support.dialogue.possible import only_asked
from agents.support.dialogue.questions import as_a_whole, not_a_part, offered, question
from agents.support.dialogue.render import refusal_part
from agents.support.dialogue.repairs import (
    answer_to,
    asks_last_day,
    beside,
    filled_from,
    is_answer,
    is_condition,
    kept,
    named,
    names_something,
    not_there,
    only_names,
    order_meant,
    returnable_until,
    says_no,
    topics_of,
    was_asked,
    with_address,
    with_more,
)
from agents.support.dialogue.selecting import ADDS
from agents.support.dialogue.turn_context import TASKS, TurnContext, with_acts_of, with_named
from agents.support.models import (
    Action,
    Decided,
    Dialogue,
    IntentName,
    Part,
    Passage,
    Task,
    Turn,
    is_take_over,
)
from agents.support.understanding.consent import hesitates, verdict
from agents.support.understanding.exclusions import left_out
from agents.support.understanding.slots import slots
from agents.support.understanding.wishes import has_only_names

MOST_FAILURES, MOST_LATER = 2, 9
FIRST = re.compile(r"[,，.。!！]")
SURE_OF_TALK = 0.45  # "goodbye" that is less probable is not answered with one
OFFERS_A_PERSON = {"complaint", "payment_problem"}
PERSON: tuple[IntentName, ...] = ("human",)
OF_ADDRESSES: tuple[IntentName, ...] = ("modify_order_address", "modify_customer_address")
FOR_A_PERSON = {"more-than-one-payment"}  # rules from which only our staff may make an exception


def decide(context: TurnContext) -> Decided | None:
    """The next step of the dialogue; None if only the documents can answer: see `answer_from`."""
    text = context.turn.text
    understood, before = with_orders(text, context.understood, context.before, context.shop)
    understood = with_named(with_acts_of(understood, text, before), text)
    understood = in_context(understood, text, before, context.shop)
    context = with_said(replace(context, understood=understood, before=before))
    before = context.before
    if before.taken_over:
        return _beside_a_person(context)
    if before.options == PERSON and (wanted := _person_wanted(context)) is not None:
        return wanted
    if (context.understood.angry and not only_names(context)) or wants_person(context):
        return hand_over(context.turn, before, "anger" if context.understood.angry else "asked for")
    if is_repeat(context) and not is_answer(context):
        said = (Part(template="said", values={"said": before.said}),)
        return Decided(action="answer", reason="repeated", parts=said, after=before)
    asked = only_asked(context)
    if asked.is_all:
        return _say(asked.context, asked.parts, "possible")
    step = _step(asked.context)
    return step and step.model_copy(update={"parts": (*asked.parts, *step.parts)})


def _step(context: TurnContext) -> Decided | None:
    """The step of a turn that no person answers: about the task under way, or of its own."""
    before = context.before
    if is_condition(context):
        return None
    if before.task is None or context.doubt:
        return _begin(context)
    known = with_address(context, before.task)
    going_on = _advance(context, known) if known is not None else _go_on(context, before.task)
    return going_on or _begin(context)


def _asked_which(context: TurnContext, options: tuple[IntentName, ...]) -> Decided:
    """Ask which of the intents is meant, or whether the only one is; a task under way comes later."""
    if "human" in options:
        return _offer_a_person(context, "not sure", context.before.failures)
    before = context.before
    template = "which of two" if len(options) > 1 else "is it this"
    values = {f"option {n}": name for n, name in enumerate(options, 1)}
    later = before.later if before.task is None else (before.task, *before.later)
    order = order_meant(context) or before.order
    began = before.began if before.options == options else context.turn.text[:MOST_TEXT]
    kept = {"later": later, "order": order, "began": began}
    after = before.model_copy(update={"options": options, "task": None, **kept})
    parts = (Part(template=template, values=values),)
    return Decided(action="ask", reason="clarification", parts=parts, after=after)


def _person_wanted(context: TurnContext) -> Decided | None:
    """The step after a plain answer to whether a person shall come: a no is about nothing else."""
    answered = verdict(context.turn.text, "order_status", "")
    begins = verdict(FIRST.split(context.turn.text, maxsplit=1)[0], "order_status", "")
    if answered == "yes" or (begins == "yes" and context.intent in ("affirm", "human")):
        return hand_over(context.turn, context.before, "asked for")
    if answered != "no" or context.intent in TASKS:
        return None
    return _say(context, (Part(template="what else"),), "no person")


def _beside_a_person(context: TurnContext) -> Decided | None:
    """While a person is awaited, only questions that change nothing are answered; none where one writes."""
    if is_take_over(context.before.taken_over):
        return Decided(action="none", reason="taken over", after=context.before)
    intent, shop = context.intent, context.shop
    orders = [name for name in shop.spelled(context.understood.slots.orders) if name in shop.orders]
    if not context.sure or intent == "knowledge":
        return None
    if intent in INFORMS and orders:
        asked = (topics_of(context), context.turn.text)
        parts = tuple(
            p for name in orders for p in informed(intent, shop.orders[name], shop, *asked)
        )
    elif not (parts := facts_for(intent, context.turn.text, shop) if intent in READS else ()):
        parts = (Part(template="a person answers"),)
        return Decided(action="none", reason="taken over", parts=parts, after=context.before)
    return Decided(action="answer", reason=intent, parts=parts, after=context.before)


def hand_over(turn: Turn, before: Dialogue, reason: str) -> Decided:
    """Ask for a person, who answers from the next turn on."""
    after = before.model_copy(
        update={"taken_over": turn.key, "task": None, "options": (), "later": ()}
    )
    parts = (Part(template="hand over"),)
    return Decided(action="hand_over", reason=reason, parts=parts, after=after)


def _go_on(context: TurnContext, task: Task) -> Decided | None:
    """The next step of the task under way; None if the turn is about something else."""
    plain = answer_to(task, context) if task.asked == "confirm" else ""
    means_all = task.asked == "order" and several_orders(context, task)
    if plain == "yes" or context.understood.wishes or means_all:
        agrees = plain == "yes"
        return _agreed(context, task) if agrees else _go_on_with_several(context, task)
    filled = with_more(context, filled_from(context, task))
    if filled != task and not tells_only_pieces(task, context.turn.text):
        filled = with_text(filled, context.turn.text)
    other = filled.order not in ("", task.order)
    if other and ADDS.search(context.turn.text) and has_only_names(context.turn.text):
        return _start(context, [filled])
    # "Yes, both" says which.
    says_which = plain == "neither" and context.intent == "affirm" and filled.pieces != task.pieces
    if says_which or is_replaced(context, task, filled, plain):
        return _advance(context, filled)
    declined = _no_or_doubt(context, task, plain)
    if declined is not None or is_other_task(context, task, filled):
        return declined
    if filled != task and task.order in ("", filled.order):
        return _advance(context, filled)
    parts = beside(context, task) if not context.sure or context.intent not in INFORMS else ()
    if says_it_again(context, task) and filled == task:
        parts = (not_there(context, task) or Part(template="yes or no"),)
    return _say(context, parts, "beside the question") if parts else None


def _no_or_doubt(context: TurnContext, task: Task, plain: str) -> Decided | None:
    """The step after a no, or after what is neither a plain yes nor a wish; None for any other turn.

    Where no yes is asked for, the intent is enough for a no.
    """
    if plain == "neither" and names_it_again(context, task):
        return _advance(context, task)
    taken_back = context.shop.spelled(slots(left_out(context.turn.text)).orders)
    if says_no(context, plain) or task.order in taken_back:
        return _begun_after_a_no(context, task) or _dropped(context)
    if context.intent == "deny" and not plain:
        if not left_out(context.turn.text):  # "not the lamp" is no answer to "which of these?"
            return _begun_after_a_no(context, task) or _dropped(context)
        return _advance(context, task)
    if context.intent in ("affirm", "deny") and plain:
        return _say(context, (Part(template="yes or no"),), "no plain answer")
    return None


def _go_on_with_several(context: TurnContext, task: Task) -> Decided | None:
    """Several orders as the answer to the question for one are as many tasks; other wishes are begun."""
    wishes, named = context.understood.wishes, several_orders(context, task)
    own = KINDS if named else TASKS  # "the boots one and the tent one" are no questions
    if task.asked != "order" or any(wish.name in own for wish in wishes):
        return None
    filled = named or [fill(task, wish.slots, wish.text, context.shop) for wish in wishes]
    without = _with(context, context.before.model_copy(update={"task": None}))
    return _start(without, filled)


def _begun_after_a_no(context: TurnContext, task: Task) -> Decided | None:
    """The step for another wish of a turn that says no to the open question; None without one."""
    names_some = names_something(left_out(context.turn.text), context.shop)
    named = context.understood.slots.orders or not names_some
    if not named or not is_other_task(context, task, task):
        return None
    without = _with(context, context.before.model_copy(update={"task": None}))
    begun = _begin(without)
    said = Part(template="deny")
    return begun and begun.model_copy(update={"parts": (said, *begun.parts)})


def _agreed(context: TurnContext, task: Task) -> Decided:
    """The step after a plain yes: the change, if the last answer ended with the question for it.

    If another answer came in between, or the order has changed since, the question is asked again.
    """
    step = _advance(context, task)
    return _change(context, task) if step.action == "confirm" and was_asked(context, task) else step


def _begin(context: TurnContext) -> Decided | None:
    """The next step of a turn that is not about the task under way."""
    intent, before = context.intent, context.before
    chooses_none = intent == "affirm" and len(before.options) > 1  # a yes to one of two
    if options := context.doubt or context.close or before.options * chooses_none:
        return _asked_which(context, options)
    if before.task is None and not before.options and (order := damaged_order(context)):
        return _about_damage(context, order)
    wishes = context.understood.wishes
    if any(wish.name in TASKS for wish in wishes):
        begun = begun_by_several(context)
        step = _start(context, begun.tasks, begun.unclear)
        return step.model_copy(update={"parts": (*begun.left_out, *step.parts)})
    if context.understood.slots.address is not None and intent not in TASKS:
        return _asked_which(context, OF_ADDRESSES)  # an address alone
    is_task = intent in TASKS and context.sure and not asks_last_day(context)
    if is_task and not kept(context):
        return _start(context, begun_by(context))
    return _inform(context)


def _about_damage(context: TurnContext, order: str) -> Decided:
    """Ask whether goods that came broken shall be replaced, or sent back for the money."""
    known = _with(context, context.before.model_copy(update={"order": order}))
    step = _asked_which(known, ("exchange_items", "return_items"))
    return step.model_copy(update={"parts": (Part(template="broken"), *step.parts)})


def _inform(context: TurnContext) -> Decided | None:
    """The answer to a turn that wants nothing done; None if only the documents can answer it."""
    intent = context.intent
    if parts := returnable_until(context):
        return _say(context, parts, "returnable until")
    if context.sure and intent in OFFERS_A_PERSON:
        return _offer_a_person(context, intent, context.before.failures)
    is_clear = intent not in SMALL_TALK or context.understood.best.confidence >= SURE_OF_TALK
    facts = facts_for(intent, context.turn.text, context.shop) if context.sure and is_clear else ()
    if parts := kept(context) or facts or product_asked(context):
        return _say(context, parts, intent)
    if intent in ("affirm", "deny"):
        is_open = intent == "affirm" and bool(_open_question(context))
        return _say(context, () if is_open else (Part(template="what else"),), intent)
    named = [name for name in context.understood.slots.orders if name in context.shop.orders]
    if context.understood.wordless and len(named) == 1:
        order = context.shop.orders[named[0]]
        after = context.before.model_copy(update={"order": order.order})
        return _say(_with(context, after), informed("order_status", order, context.shop), "named")
    is_out = intent == "out_of_scope" and context.sure
    return answer_from(context, ()) if is_out else None


def _offer_a_person(context: TurnContext, template: str, failures: int) -> Decided:
    """Offer a person, who comes only if the next turn says yes or asks for one."""
    kept = {"failures": failures, "options": PERSON, "began": context.turn.text[:MOST_TEXT]}
    after = context.before.model_copy(update=kept)
    parts = (Part(template=template), Part(template="shall a person come"))
    return Decided(action="ask", reason=template, parts=parts, after=after)


def _start(context: TurnContext, tasks: Sequence[Task], unclear: Sequence[str] = ()) -> Decided:
    """The first step of the first task; the others, and the one under way, come after it."""
    # Questions first, but not those that an order has to be asked for.
    begun, *others = sorted(each_once(tasks), key=lambda t: t.name not in INFORMS or not t.order)
    left = still_open(context, tasks, begun)
    taken_back = context.shop.spelled(slots(left_out(context.turn.text)).orders)
    waiting = [
        task
        for task in each_once((*others, *left))
        if (task.name, task.order) != (begun.name, begun.order) and task.order not in taken_back
    ]
    known = {task.order for task in (begun, *waiting)}
    unclear = [name for name in context.shop.spelled(unclear) if name not in known]
    forgotten = [*unclear, *(task.order for task in waiting[MOST_LATER:] if task.order)]
    later = tuple(waiting[:MOST_LATER])
    before = context.before.model_copy(update={"later": later, "began": ""})
    step = _advance(_with(context, before), begun)
    again = (Part(template="ask again", values={"orders": ", ".join(dict.fromkeys(forgotten))}),)
    return step.model_copy(update={"parts": (*again, *step.parts)}) if forgotten else step


def _with(context: TurnContext, before: Dialogue) -> TurnContext:
    return replace(context, before=before)


def answer_from(context: TurnContext, passages: Sequence[Passage]) -> Decided:
    """Answer with the best of these passages; without any say so, and offer a person the second time."""
    before = with_said(context).before
    if before.taken_over and not passages:
        awaits = (Part(template="a person answers"),)
        return Decided(action="none", reason="taken over", parts=awaits, after=context.before)
    if passages:
        named = order_meant(context) if before.task is None else ""
        kept = before.model_copy(update={"order": named or before.order})
        answer = _say(_with(context, kept), (Part(passage=passages[0]),), "knowledge")
        return answer.model_copy(update={"besides": tuple(passages[1:])})
    failures = before.failures + 1
    if failures >= MOST_FAILURES:
        return _offer_a_person(context, "not understood again", failures)
    after = before.model_copy(update={"failures": failures, "options": ()})
    template = "no evidence" if context.intent == "knowledge" else "not understood"
    if before.task is not None and before.task.asked == "confirm":
        template = "yes or no"
    parts = (Part(template=template), *_open_question(context))
    return Decided(action="ask", reason=template, parts=parts, after=after)


def _say(context: TurnContext, parts: tuple[Part, ...], reason: str) -> Decided:
    """Answer, and repeat the open question of the task under way."""
    after = context.before.model_copy(update={"failures": 0, "options": ()})
    said = (*parts, *_open_question(context))
    return Decided(action="answer", reason=reason, parts=said, after=after)


def _open_question(context: TurnContext) -> tuple[Part, ...]:
    task = context.before.task
    if task is None or not task.asked:
        return ()
    asked = question(task, context.shop, f"{task.text}\n{context.turn.text}")
    return (*_whole(context, task), *offered(task, context.shop), asked)


def _dropped(context: TurnContext) -> Decided:
    parts, after = _next(context, "")
    said = (Part(template="put aside" if hesitates(context.turn.text) else "deny"), *parts)
    return Decided(action="answer", reason="dropped", parts=said, after=after)


def _change(context: TurnContext, task: Task) -> Decided:
    """Request what the user has confirmed; order processing checks the rules again."""
    order = context.shop.orders.get(task.order)
    request = confirmed(task, order)
    then, after = _next(replace(context, shop=shop_after(context.shop, request, order)), task.order)
    return Decided(action="change", reason=task.name, request=request, then=then, after=after)


def _advance(context: TurnContext, task: Task) -> Decided:
    """Refuse what the order refuses, ask for what is missing, ask for a yes, or answer."""
    task = completed(task, context.selection, context.before, context.shop)
    order = context.shop.orders.get(task.order)
    if task.order and order is None:
        return _unknown(context, task)
    if order is not None:
        task = as_shipped(task, order)
    if order is not None and (step := _not_as_it_stands(context, task, order)) is not None:
        return step
    slot = missing(task)
    if slot:
        asked = task.model_copy(update={"asked": slot})
        why = why_unclear(asked, context.understood.slots, context.turn.text, context.shop)
        step = _ask(context, asked, "ask")
        return step.model_copy(update={"parts": (why, *step.parts)}) if why is not None else step
    if task.name in INFORMS and order is not None:
        then, after = _next(context, task.order)
        said = informed(task.name, order, context.shop, task.topics, task.text)
        parts = (*said, *then)
        return Decided(action="answer", reason=task.name, parts=parts, after=after)
    try:
        perform(request_of(task, order), context.shop.customer, order, context.shop.goods)
    except RuleViolation as error:
        return _refused(context, task, error.rule, error.subject)
    step = _ask(context, task.model_copy(update={"asked": "confirm"}), "confirm")
    return step.model_copy(update={"parts": (*_whole(context, task), *step.parts)})


def _not_as_it_stands(context: TurnContext, task: Task, order: OrderView) -> Decided | None:
    """The step where the order refuses the task: the only one that it allows, or why; None if it allows it."""
    other = as_possible(task, order, f"{task.text}\n{context.turn.text}", context.shop)
    if other == task:
        if rule := refusal(task, order):
            return _refused(context, task, rule, order.order)
        if not (parts := not_a_part(task, context.turn.text, context.shop)):
            return None
        then, after = _next(context, task.order)
        return Decided(action="answer", reason="refused", parts=(*parts, *then), after=after)
    only = {"order": order.order, "status": order.status, "task": other.name}
    step = _advance(context, other)
    parts = (Part(template="only possible", values=only), *step.parts)
    return step.model_copy(update={"parts": parts})


def _whole(context: TurnContext, task: Task) -> tuple[Part, ...]:
    return () if context.understood.wishes else as_a_whole(task, context.turn.text, context.shop)


def _refused(context: TurnContext, task: Task, rule: str, subject: str) -> Decided:
    """Say which rule refuses the task; hand over where only our staff may decide."""
    refused = refusal_part(rule, named(subject, context.shop))
    if rule in FOR_A_PERSON:
        over = hand_over(context.turn, context.before, f"policy: {rule}")
        return over.model_copy(update={"parts": (refused, *over.parts)})
    then, after = _next(context, task.order)
    more = beside_refusal(rule, task, context.shop)
    more += gift_cards(context.shop) if rule == "low-balance" else ()
    return Decided(action="answer", reason="refused", parts=(refused, *more, *then), after=after)


def _unknown(context: TurnContext, task: Task) -> Decided:
    """Say that the order is unknown, also if it is another customer's."""
    part = Part(template="unknown", values={"order": task.order})
    if context.before.later:
        then, after = _next(context, "")
        return Decided(action="answer", reason="unknown order", parts=(part, *then), after=after)
    begun = task.model_copy(update={"order": "", "asked": "order"})
    after = context.before.model_copy(update={"task": begun, "failures": 0, "options": ()})
    return Decided(action="answer", reason="unknown order", parts=(part,), after=after)


def _ask(context: TurnContext, task: Task, action: Action) -> Decided:
    order = task.order or context.before.order
    kept = {"task": task, "failures": 0, "options": (), "order": order}
    return Decided(
        action=action,
        reason=task.name,
        parts=(*offered(task, context.shop), question(task, context.shop, task.text)),
        after=context.before.model_copy(update=kept),
    )


def _next(context: TurnContext, order: str) -> tuple[tuple[Part, ...], Dialogue]:
    """The first step of the next task that the user wanted, after the task that has ended."""
    kept = {"task": None, "failures": 0, "options": (), "order": order or context.before.order}
    after = context.before.model_copy(update=kept)
    if not after.later:
        return (), after
    task, *later = after.later
    after = after.model_copy(update={"later": tuple(later)})
    step = _advance(replace(context, before=after, selection=None), task)
    return (Part(template="next", values={"task": task.name}), *step.parts), step.after
