"""Questions that the state of their order makes senseless as they were read: another reading is meant then.

A cancelled order does not arrive, what is awaited is its money; of an order without a refund nothing comes back, so
that "how much was it?" asks for a price.
"""

import re
from collections.abc import Sequence

from agents.shop.contracts import OrderView
from agents.shop.rules import PENDING
from agents.support.dialogue.describing import described
from agents.support.dialogue.forms import INFORMS, ShopView
from agents.support.dialogue.products import PRICE
from agents.support.dialogue.wording import listed
from agents.support.knowledge.documents import AskedPassage
from agents.support.models import Dialogue, Intent, IntentName, Part, Understood

ARRIVAL, WHEN, COST = "order_status/arrival", "refund_status/when", "order_contents/price"
BACK = re.compile(
    r"\b(?:back|refund\w*|return\w*|more|less|cheaper|dearer|difference)\b|退|差|补|贵|便宜",
    re.IGNORECASE,
)
# Whether something can be, or what is if something else is: the rules say that beside the facts of the order.
WHETHER = re.compile(
    r"\b(?:if|suppose|in case|(?:can|could|may|will) (?:it|they|i|you|he|she|we)\b(?! (?:tell|check|see|look|find)))"
    r"|如果|要是|万一|能不能|可不可以|能[^，。？?]{1,12}吗|可以[^，。？?]{1,12}吗",
    re.IGNORECASE,
)
OTHER = re.compile(r"\bother (?:one|pair)\b|另外?[一那]?[个件双副台把条]", re.IGNORECASE)
CLEAR = 0.65  # the probability of a passage from which on it is said beside the facts
SURE_REFUSED = 0.85  # beside a refusal
SURE = 0.9  # and from which on it is said instead of a refund that there is not


def sensible(
    understood: Understood,
    text: str,
    before: Dialogue,
    shop: ShopView,
    passages: Sequence[AskedPassage],
) -> Understood:
    """What was understood, as the state of the order that it is about allows."""
    order = _order(understood, text, before, shop)
    if order is None:
        return understood
    name, topics = _read(understood.best.name, understood.topics, text, order)
    is_rule = passages and passages[0].asked and passages[0].score >= SURE
    no_refund = name == "refund_status" and topics == (WHEN,) and order.status in PENDING
    goes_on = name in {topic.partition("/")[0] for topic in before.topics}
    is_unsure = name in INFORMS and understood.best.confidence < CLEAR and not goes_on
    if is_rule and (no_refund or is_unsure):
        name, topics = "knowledge", ()
    wishes = []
    for wish in understood.wishes:
        known, about = _read(wish.name, wish.topics, wish.text, order)
        wishes.append(wish.model_copy(update={"name": known, "topics": about}))
    found: dict[str, object] = {"topics": topics, "wishes": tuple(wishes)}
    if name != understood.best.name:
        found["intents"] = (Intent(name=name, confidence=1.0), *understood.intents)
    return understood.model_copy(update=found)


def rule_beside(
    reason: str, understood: Understood, text: str, passages: Sequence[AskedPassage]
) -> tuple[Part, ...]:
    """The rule to say before the facts of an order or a refusal, where the text asks whether something can be."""
    if understood.wishes or not passages or not passages[0].asked or not WHETHER.search(text):
        return ()
    is_clear = passages[0].score >= (SURE_REFUSED if reason == "refused" else CLEAR)
    is_clear = is_clear and reason in INFORMS | {"refused"}
    return (Part(passage=passages[0]),) if is_clear else ()


def _order(understood: Understood, text: str, before: Dialogue, shop: ShopView) -> OrderView | None:
    named = shop.spelled(understood.slots.orders)
    if len(named) > 1:
        return None
    name = named[0] if named else described(text, "order_status", before, shop).order
    return shop.orders.get(name or before.order)


def _read(
    name: IntentName, topics: tuple[str, ...], text: str, order: OrderView
) -> tuple[IntentName, tuple[str, ...]]:
    if order.status == "cancelled" and topics == (ARRIVAL,):
        return "refund_status", (WHEN,)
    is_refunded = order.status not in PENDING | {"delivered"} or len(order.movements) > 1
    if name == "refund_status" and not is_refunded and PRICE.search(text) and not BACK.search(text):
        return "order_contents", (COST,)
    return name, topics


def with_other(text: str, before: Dialogue, shop: ShopView) -> str:
    """The text with the goods that "the other one" are: those of the order that were not named last."""
    order = shop.orders.get(before.order)
    if order is None or before.task is not None or not before.topics or not OTHER.search(text):
        return text
    names = {p.sku: listed([p], order, shop.goods, shop.language) for p in order.pieces}
    others = {name for name in names.values() if name not in before.said}
    return f"{text} {others.pop()}" if len(others) == 1 < len(set(names.values())) else text
