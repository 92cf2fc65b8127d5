"""Answers that only read: own orders and what is in them, goods of the shop, what is left on gift cards."""

from collections.abc import Iterable, Sequence

from agents.shop.accounts import OrderAccount, Variant
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.render import money
from agents.support.models import IntentName, Part
from agents.support.understanding.names import kind, names_in

MOST_PRODUCTS, MOST_OPTIONS = 3, 4
SMALL_TALK = {"greeting", "thanks", "goodbye", "bot"}
SAID = {"invoice", "account", "place_order"}  # what is only explained
READS = SAID | {"order_list", "gift_card", "product"}


def answer_to(intent: IntentName, text: str, shop: ShopView) -> tuple[Part, ...]:
    """The answer to what needs no order to be named and changes nothing; none for other intents."""
    if intent in SMALL_TALK | SAID:
        return (Part(template=intent),)
    if intent == "order_list":
        return own_orders(shop)
    if intent == "gift_card":
        return gift_cards(shop)
    return products(text, shop.goods.values()) if intent == "product" else ()


def own_orders(shop: ShopView) -> tuple[Part, ...]:
    """The latest orders of the customer, one part for each."""
    orders = [shop.orders[name] for name in shop.latest]
    if not orders:
        return (Part(template="no orders"),)
    return (Part(template="own orders"), *map(_in_short, orders))


def _in_short(order: OrderAccount) -> Part:
    names = ", ".join(dict.fromkeys(piece.name for piece in order.pieces))
    return Part(
        template="own order", values={"order": order.order, "goods": names, "status": order.status}
    )


def contents(order: OrderAccount) -> Part:
    """What is in an order, what it costs, how it is paid and where it goes."""
    pieces = ", ".join(f"{p.name} ({money(p.price, order.currency)})" for p in order.pieces)
    paid = [movement.method for movement in order.movements if movement.kind == "payment"]
    values = {
        "order": order.order,
        "goods": pieces,
        "total": money(order.total, order.currency),
        "method": paid[-1] if paid else "",
        "address": order.address.on_one_line(),
    }
    return Part(template="contents", values=values)


def gift_cards(shop: ShopView) -> tuple[Part, ...]:
    """What is left on each gift card of the account."""
    cards = [m for m in shop.customer.methods.values() if m.kind == "gift_card"]
    if not cards:
        return (Part(template="no gift card"),)
    currency = next((order.currency for order in shop.orders.values() if order.currency), "USD")
    return tuple(
        Part(template="gift card", values={"card": c.id, "left": money(c.balance, currency)})
        if c.balance is not None
        else Part(template="gift card unknown", values={"card": c.id})
        for c in cards
    )


def products(text: str, goods: Iterable[Variant]) -> tuple[Part, ...]:
    """The facts of the goods that the text names, by name or kind; none if it names none."""
    by_name: dict[str, list[Variant]] = {}
    for variant in goods:
        for name in (variant.name, *variant.names.values()):
            by_name.setdefault(name, []).append(variant)
    named = list(names_in(text, by_name)) or [
        name
        for word in names_in(text, {kind(n) for n in by_name})
        for name in by_name
        if kind(name) == word
    ]
    return tuple(_product(name, by_name[name]) for name in named[:MOST_PRODUCTS])


def _product(name: str, variants: Sequence[Variant]) -> Part:
    there = [v for v in variants if v.available]
    if not there:
        return Part(template="sold out", values={"name": name})
    prices = sorted({v.price for v in there})
    currency = there[0].currency
    values = {"name": name, "lowest": money(prices[0], currency), "options": _options(there)}
    if len(prices) == 1:
        return Part(template="one price", values=values)
    return Part(template="prices", values=values | {"highest": money(prices[-1], currency)})


def _options(variants: Sequence[Variant]) -> str:
    """What can be chosen: "color: black, red; size: M"."""
    found: dict[str, dict[str, None]] = {}
    for variant in variants:
        for option, value in variant.options.items():
            found.setdefault(option, {})[value] = None
    return "; ".join(
        f"{option}: {', '.join(found[option])}" for option in list(found)[:MOST_OPTIONS]
    )
