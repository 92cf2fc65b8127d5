"""What a turn only asks about a change: whether its order allows it, until when, and what it would cost.

The answer follows from the order and the rules of the shop, and begins nothing. Where a change waits for its yes,
"and afterwards?" is answered from the order as that change would leave it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agents.shop.accounts import OrderAccount
from agents.shop.contracts import OrderView
from agents.shop.rules import PENDING, RuleViolation, perform
from agents.support.dialogue.describing import QUESTION
from agents.support.dialogue.facts import DAYS, return_by
from agents.support.dialogue.forms import (
    ITEMS,
    KINDS,
    NEEDS,
    REPLACES,
    ShopView,
    as_shipped,
    fill,
    is_possible,
    missing,
    refusal,
    request_of,
    shop_after,
)
from agents.support.dialogue.goods import named_pieces
from agents.support.dialogue.meanings import beside_refusal
from agents.support.dialogue.products import properties_of
from agents.support.dialogue.render import currency_of, difference, money, refusal_part
from agents.support.dialogue.turn_context import TASKS, TurnContext
from agents.support.dialogue.wording import paid_by
from agents.support.models import Intent, Part, Slots, Task, TaskName
from agents.support.understanding.slots import ACCOUNT
from agents.support.understanding.wondering import only_asks, says_so, wonders

AFTERWARDS = re.compile(
    r"\b(?:after(?:wards?)?|then|later|once)\b|之后|以后|[完了][再还]|完了?", re.IGNORECASE
)
MONEY = re.compile(
    r"\b(?:money|much|cost|lose|back|refund|difference)\w*|多少|钱|差价|亏", re.IGNORECASE
)
FEE = re.compile(
    r"\b(?:fees?|costs?|charge[ds]?|free|extra|postage|penalty|(?:have|need) to pay|deduct\w*)\b"
    r"|[手运邮]续?费|收费|要钱|花钱|[付加扣出交]钱|免费|另[付收]|扣.{0,4}[钱款]",
    re.IGNORECASE,
)
ASKING = re.compile(
    r"[?？]|^\W*(?:\w+\W+){0,3}(?:is|are|does|do|will|would|can|could|what|how|who)\b|[吗么不呢嘛]\W*$|多少|是否",
    re.IGNORECASE,
)
# A question about what has just been asked, and not about another rule: "is there a fee if I do that?"
OF_THIS = re.compile(r"\b(?:that|it|this|do so|so|them)\b|[这那改换退取消寄]", re.IGNORECASE)
MOST_WORDS = 6  # of a question that refers to what was asked without a word for it
OF_REFUND: tuple[TaskName, ...] = ("return_items", "cancel_order")
RESULT: Mapping[bool, str] = {True: "costs more", False: "costs less"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers to what a turn only asks, and the turn without that; `is_all` if nothing else is in it."""

    parts: tuple[Part, ...]
    context: TurnContext
    is_all: bool


def only_asked(context: TurnContext) -> Asked:
    """What the turn only asks about changes, answered."""
    understood = context.understood
    if not understood.wishes:
        parts = _fee(context) or _property(context) or _of_one(context)
        name = _change(context) or "order_status"
        about = _about(context, order_asked(context, name, understood.slots)) if parts else context
        return Asked(parts, about, bool(parts))
    asked = [one for one in understood.wishes if one.name in KINDS and wonders(one.text)]
    parts = tuple(
        part
        for one in asked
        for part in _answer(context, one.name, one.slots, one.text)  # type: ignore[arg-type]  # of KINDS
    )
    if not parts:
        return Asked((), context, False)
    left = tuple(one for one in understood.wishes if one not in asked)
    if not any(one.name in TASKS for one in left):
        return Asked(parts, context, True)
    first = Intent(name=left[0].name, confidence=1.0)
    rest = understood.model_copy(update={"wishes": left, "intents": (first,)})
    return Asked(parts, replace(context, understood=rest), False)


def _about(context: TurnContext, order: str) -> TurnContext:
    """The turn with this order as the one that was named last."""
    order = order or context.before.order
    return replace(context, before=context.before.model_copy(update={"order": order}))


def order_asked(context: TurnContext, name: TaskName, named: Slots) -> str:
    """The own order that a question about this change is about; "" if it is about none."""
    shop, before = context.shop, context.before
    if "order" not in NEEDS.get(name, ("order",)):
        return ""
    if orders := shop.spelled(named.orders):
        return orders[0] if len(orders) == 1 else ""
    if before.task is not None and before.task.order:
        return before.task.order
    if before.order:
        return before.order
    some = [one for one in shop.latest if is_possible(name, shop.orders[one])]
    return some[0] if len(some) == 1 else ""


def _of_one(context: TurnContext) -> tuple[Part, ...]:
    name, text = _change(context), context.turn.text
    is_no = context.before.task is not None and only_asks(text) and not QUESTION.search(text)
    if name is None or is_no or not wonders(text) or _names_all(context, name):
        return ()
    return _answer(context, name, context.understood.slots, text)


def _property(context: TurnContext) -> tuple[Part, ...]:
    """A property of own goods that the turn asks for while a yes to a change of other goods is awaited."""
    task, text, shop = context.before.task, context.turn.text, context.shop
    order = shop.orders.get(task.order) if task is not None and task.asked == "confirm" else None
    if order is None or context.intent not in ("product", "order_contents"):
        return ()
    named = {s for _, some in named_pieces(order, text, shop.goods).values() for s in some}
    is_other = task is not None and not named & {*task.pieces, *task.new}
    return properties_of(text, sorted(named), shop) if named and is_other else ()


def _names_all(context: TurnContext, name: TaskName) -> bool:
    """Whether the turn names what the change would need, and does not say that it only asks: a polite wish does."""
    text = context.turn.text
    details = [slot for slot in NEEDS[name] if slot in ("new", "method", "address")]
    if not details or says_so(text):
        return False
    order = order_asked(context, name, context.understood.slots)
    known = fill(Task(name=name, order=order), context.understood.slots, text, context.shop)
    return all(getattr(known, slot) for slot in details)


def _change(context: TurnContext) -> TaskName | None:
    """The change that the turn is about; None if it is about none.

    A refund that is only thought of is that of a return, or of cancelling what is not shipped yet.
    """
    intent, text, shop = context.intent, context.turn.text, context.shop
    order = shop.orders.get(order_asked(context, "order_status", context.understood.slots))
    if intent == "refund_status" and order is not None and MONEY.search(text):
        is_amount = set(context.understood.topics) <= {"refund_status/amount"}
        possible = [one for one in OF_REFUND if is_amount and is_possible(one, order)]
        return possible[0] if possible else None
    if intent == "modify_customer_address" and order is not None and not ACCOUNT.search(text):
        return "modify_order_address"
    return intent if intent in KINDS else None  # type: ignore[return-value]  # of KINDS


def _fee(context: TurnContext) -> tuple[Part, ...]:
    """What the change costs that waits for its yes, if the turn asks that."""
    task, text = context.before.task, context.turn.text
    if task is None or task.name not in KINDS or task.asked != "confirm":
        return ()
    if not FEE.search(text) or not ASKING.search(text) or context.understood.slots.orders:
        return ()
    if context.intent in KINDS and context.intent != task.name and not wonders(text):
        return ()
    refers = OF_THIS.search(text) or len(text.split()) <= MOST_WORDS
    return (Part(template=f"rule {task.name}"),) if refers else ()


def _answer(context: TurnContext, name: TaskName, named: Slots, text: str) -> tuple[Part, ...]:
    """Whether the order allows the change, what it would cost, and the rule."""
    order = context.shop.orders.get(order_asked(context, name, named))
    if order is None:
        return () if named.orders else (Part(template=f"rule {name}"),)
    shop, waiting = context.shop, context.before.task
    task = as_shipped(Task(name=name, order=order.order, text=text), order)
    changes = waiting is not None and waiting.order == order.order and waiting.name != task.name
    if waiting is not None and changes and AFTERWARDS.search(text):
        after = _after(waiting, shop)
        if after.orders[order.order] != order and refusal(task, after.orders[order.order]):
            return (Part(template="not afterwards", values={"task": task.name}),)
    return _state(task, order, shop)


def _after(task: Task, shop: ShopView) -> ShopView:
    """The shop after the change that waits for its yes; as it is while the change lacks something."""
    order = shop.orders.get(task.order)
    if missing(task) or order is None:
        return shop
    try:
        return shop_after(shop, request_of(task, order), order)
    except RuleViolation:
        return shop


def _state(task: Task, order: OrderView, shop: ShopView) -> tuple[Part, ...]:
    """Whether the order allows the task, as it stands; the money, where the text asks for it; and the rule."""
    if task.name == "return_items" and order.status in PENDING:
        return (Part(template="days to return", values=DAYS), Part(template="rule return_items"))
    if rule := refusal(task, order):
        return (refusal_part(rule, order.order), *beside_refusal(rule, task, shop))
    if task.name in ("return_items", "exchange_items"):
        possible = return_by(order, task.text, shop)
    else:
        possible = (Part(template=f"could {task.name}", values={"order": order.order}),)
    more = _money(task, order, shop) if MONEY.search(task.text) else ()
    return (*possible, *more, Part(template=f"rule {task.name}"))


def _money(task: Task, order: OrderView, shop: ShopView) -> tuple[Part, ...]:
    """What would be paid back or charged, where the text says enough for it."""
    filled = fill(task, Slots(), task.text, shop)
    if missing(filled) or task.name not in ITEMS | {"cancel_order"}:
        return ()
    currency = currency_of(order, shop)
    method = order.movements[0].method if order.movements else ""
    values = {"method": paid_by(method, shop.customer, shop.language)}
    if filled.name not in REPLACES:
        return (
            Part(
                template="would come back",
                values=values | {"amount": money(_worth(filled, order), currency)},
            ),
        )
    try:
        perform(request_of(filled, order), shop.customer, order, shop.goods)
    except RuleViolation:
        return ()
    more = difference(filled, order, shop)
    if not more:
        return (Part(template="same price"),)
    return (
        Part(template=RESULT[more > 0], values=values | {"amount": money(abs(more), currency)}),
    )


def _worth(task: Task, order: OrderAccount) -> int:
    if task.name == "cancel_order":
        return order.total
    prices = {piece.sku: piece.price for piece in order.pieces}
    return sum(prices.get(sku, 0) for sku in task.pieces)
