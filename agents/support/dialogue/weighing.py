"""How probable each intent is, once the account is known: what the orders allow, and what the text names.

The classifier reads words alone. A delivered order cannot be cancelled; an address is given; no variant is named.
Each such sign makes some intents more probable and others less, whatever the other signs are (naive Bayes).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.support.dialogue.describing import QUESTION, orders_like
from agents.support.dialogue.forms import INFORMS, KINDS, REPLACES, ShopView, is_possible
from agents.support.dialogue.goods import named_pieces
from agents.support.models import Dialogue, Intent, IntentName, Understood, Wish
from agents.support.understanding.addresses import given_fields
from agents.support.understanding.exclusions import meant
from agents.support.understanding.options import said_of_options
from agents.support.understanding.slots import METHODS, slots
from agents.support.understanding.wishes import asked

LIKELY, MOST = 0.15, 3  # the least probability of an intent that counts, and how many count
ADDRESSES = {"modify_order_address", "modify_customer_address"}
READS = INFORMS | {"product", "knowledge"}
TALK = {"deny", "greeting", "thanks", "goodbye", "out_of_scope", "bot", "place_order"}
REFUSED = 0.15  # no order in question allows it
NO_VARIANT = 0.35  # a change of goods that names neither a variant nor a word for changing
A_VARIANT = 3.0  # another variant of own goods is named
NO_ADDRESS, AN_ADDRESS = 0.3, 6.0
NO_METHOD = 0.3
OWN_GOODS = 0.4  # small talk that names own goods
SAID = 5.0  # only this wish is called by one of its own words
NO_QUESTION = (
    0.4  # a text that is no question, and calls a wish by a word of it or tells an address
)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


CHANGES = _words(
    r"\b(?:exchang|swap|switch|replac|chang|instead|rather|prefer|different|another|upgrad|make it|turn it)"
    r"|换|改|想要|还是要|要[^，。]{0,6}[码号色款]"
)
ADDRESS = _words(
    r"\baddress|\b(?:ship|send|deliver|sent|go|come|post|redirect|rerout)\w*\b[^.!?,;]{0,25} (?:to|at)\b"
    r"(?! (?:me|you|us|the shop)\b)"
    r"|\bmov(?:e|ed|ing)\b|地址|[寄送发]到|[寄送][^，。]{0,10}去|改寄|搬家|新家|收货"
)
PAYMENT = _words(r"\b(?:pay|paid|charg|bill|card|method)\w*|付|支付|刷|卡|扣款")
WHO = _words(r"\bwho\b|\bwhose\b|谁|何时|[了到过]没有?\W*$|是不是|对吧")
# A wish in the form of a question: "could you send it back?", 能退吗.
REQUEST = _words(
    r"^\W*(?:(?:and|so|hi|hello|ok|please) )*(?:can|could|would|will|may|might) (?:i|we|you)\b"
    r"|能不能|(?:能|可以).{1,12}吗|可否"
)
CUES: Mapping[IntentName, re.Pattern[str]] = {
    "cancel_order": _words(
        r"\bcancel|\bcall\w* (?:it |that |this |the \w+ )*off\b|\b(?:scrap|drop)\b|取消|撤[掉单销]|退单"
    ),
    "return_items": _words(
        r"\breturn(?!ed)|\brefund me|\bmoney back\b"
        r"|\b(?:send|sent|give|bring|go|goes|going|take|post|ship|have|get)\w*\b[^.!?,;]{0,40}\bback\b"
        r"|\bback (?:it|they|you) go"
        r"|\b(?:both|all|the|one|two|my|these|those)\b[^,.;!?]{2,40}(?<!came)(?<!come)(?<!got) back\b"
        r"(?! (?:in|then|when|from|on|at|to)\b)"
        r"|退(?!款)|把?钱(?:还|退)?给我|退[^，。]{0,4}钱"
    ),
    "exchange_items": _words(r"\b(?:exchang|swap|replac)|换"),
    "modify_items": _words(r"\b(?:exchang|swap|replac|chang)|换|改"),
}
"""The words that a wish is called by."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text says of an account: the orders in question, and what is named."""

    orders: Sequence[str]
    own_goods: bool
    variant: bool
    address: bool
    payment: bool
    called: frozenset[IntentName]
    asks: bool
    text: str


def weighed(understood: Understood, text: str, before: Dialogue, shop: ShopView) -> Understood:
    """What was understood, its intents and those of its wishes as probable as the account makes them."""
    if not understood.likely:
        return understood
    wishes = tuple(_wish(wish, before, shop) for wish in understood.wishes)
    changes: dict[str, object] = {"wishes": wishes}
    found = _weighed(understood.likely, text, before, shop)
    if found and found[0].name != understood.best.name:
        changes |= {
            "intents": tuple(one for one in found if one.confidence >= LIKELY)[:MOST] or found[:1]
        }
        changes |= {"topics": ()}
    return understood.model_copy(update=changes)


def _wish(wish: Wish, before: Dialogue, shop: ShopView) -> Wish:
    found = _weighed(wish.likely, wish.text, before, shop)
    if not found or found[0].name == wish.name:
        return wish
    return wish.model_copy(update={"name": found[0].name, "topics": ()})


def _weighed(
    likely: Sequence[Intent], text: str, before: Dialogue, shop: ShopView
) -> tuple[Intent, ...]:
    if not likely:
        return ()
    signs = _signs(text, before, shop)
    odds = {one.name: one.confidence * _weight(one.name, signs, shop) for one in likely}
    whole = sum(odds.values()) or 1.0
    best = sorted(odds.items(), key=lambda one: -one[1])
    return tuple(Intent(name=name, confidence=round(p / whole, 4)) for name, p in best)


def _signs(text: str, before: Dialogue, shop: ShopView) -> Signs:
    plain, wanted = meant(text), meant(asked(text))
    named = [n for n in shop.spelled(slots(text).orders) if n in shop.orders]
    orders = named or orders_like(plain, shop)
    own = any(named_pieces(shop.orders[name], text, shop.goods) for name in shop.latest)
    if not orders:
        orders = [before.order] if before.order in shop.orders else list(shop.latest)
    return Signs(
        orders,
        own,
        _names_variant(plain, orders, shop),
        bool(given_fields(plain).values.keys() - {"country"}) or bool(ADDRESS.search(wanted)),
        bool(PAYMENT.search(plain)) or any(words.search(plain) for words in METHODS.values()),
        frozenset(name for name, words in CUES.items() if words.search(wanted)),
        bool(QUESTION.search(wanted) or WHO.search(wanted)) and not REQUEST.search(wanted),
        wanted,
    )


def _names_variant(text: str, orders: Sequence[str], shop: ShopView) -> bool:
    """Whether the text says an option that the goods it names, of these orders, do not have."""
    for name in orders:
        order = shop.orders[name]
        skus = {sku for _, some in named_pieces(order, text, shop.goods).values() for sku in some}
        mine = [shop.goods[s] for s in skus or {p.sku for p in order.pieces} if s in shop.goods]
        products = {one.product for one in mine}
        known = frozenset(
            o for v in shop.goods.values() if v.product in products for o in v.options.items()
        )
        for said in said_of_options(text, known):
            if not said.denied and not any(said.fits(one.options) for one in mine):
                return True
    return False


def _weight(name: IntentName, signs: Signs, shop: ShopView) -> float:
    """How much the signs of a text speak for an intent."""
    weight = 1.0
    if name in KINDS and name != "modify_customer_address":
        orders = [shop.orders[n] for n in signs.orders if n in shop.orders]
        if orders and not any(is_possible(name, order) for order in orders):  # type: ignore[arg-type]
            weight *= REFUSED / 3 if signs.asks else REFUSED
    others = signs.called - {name} - (REPLACES if name in REPLACES else set())
    if name in signs.called and not others and not signs.variant and not signs.asks:
        weight *= SAID
    if name in READS and not signs.asks and (signs.called or signs.address):
        weight *= NO_QUESTION
    if name in REPLACES:
        weight *= A_VARIANT if signs.variant else 1.0
        weight *= 1.0 if signs.variant or CHANGES.search(signs.text) else NO_VARIANT
    if name in ADDRESSES:
        weight *= AN_ADDRESS if signs.address else NO_ADDRESS
    if name == "modify_payment" and not signs.payment:
        weight *= NO_METHOD
    if name in TALK and signs.own_goods:
        weight *= OWN_GOODS
    return weight
