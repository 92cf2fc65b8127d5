"""Answers that only read: own orders and what is in them, goods of the shop, what is left on gift cards."""

from collections.abc import Sequence

from agents.shop.accounts import Method, OrderAccount, Piece
from agents.shop.rules import DELIVERY_DAYS, RETURN_DAYS
from agents.support.dialogue.facts import SENT, days_since, facts
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.products import product, products
from agents.support.dialogue.render import currency_of, money, status_part
from agents.support.dialogue.wording import COMMA, called, carried_by, day, paid_by
from agents.support.models import IntentName, Language, Part

REFUND = ("refund_status/amount",)
SMALL_TALK = {"greeting", "thanks", "goodbye", "bot"}
SAID = {"invoice", "account", "place_order"}  # what customers do by themselves
READS = SAID | {"order_list", "gift_card", "product"}


def facts_for(intent: IntentName, text: str, shop: ShopView) -> tuple[Part, ...]:
    """The answer to what needs no order to be named and changes nothing; none for other intents."""
    if intent in SMALL_TALK | SAID:
        return (Part(template=intent),)
    if intent == "order_list":
        return own_orders(shop)
    if intent == "gift_card":
        return gift_cards(shop)
    return products(text, shop) if intent == "product" else ()


def own_orders(shop: ShopView) -> tuple[Part, ...]:
    """The latest orders of the customer, one part for each."""
    orders = [shop.orders[name] for name in shop.latest]
    if not orders:
        return (Part(template="no orders"),)
    return (Part(template="own orders"), *(_in_short(order, shop) for order in orders))


def _in_short(order: OrderAccount, shop: ShopView) -> Part:
    names = COMMA[shop.language].join(
        dict.fromkeys(called(piece, shop.goods, shop.language) for piece in order.pieces)
    )
    return Part(
        template="own order", values={"order": order.order, "goods": names, "status": order.status}
    )


def informed(
    task: str, order: OrderAccount, shop: ShopView, topics: Sequence[str] = (), text: str = ""
) -> tuple[Part, ...]:
    """The facts of the order that the text asks for by these topics, or else all that is known.

    That is what is in the order, how its refund stands, or where it is and until when it can be returned.
    """
    if asked := facts(topics, order, text, shop):
        return asked
    if task == "order_contents":
        return (contents(order, shop),)
    paid = _settlement(order, shop)
    if task != "order_status":
        return paid or facts(REFUND, order, text, shop) or (status_part(task, order),)
    parts = [status_part(task, order), *paid]
    if order.status not in SENT:
        return tuple(parts)
    parts += _on_its_way(order, days_since(order), shop.language)
    return (*parts, *returnable(order, shop))


def returnable(order: OrderAccount, shop: ShopView) -> tuple[Part, ...]:
    """Until when the goods of a shipped order can be returned; nothing if they cannot."""
    if days_since(order) > DELIVERY_DAYS + RETURN_DAYS or order.status != "delivered":
        return ()
    until = {"day": day(order.returnable_until, shop.language)}
    return (Part(template="returnable until", values=until),)


def options_to_choose(piece: Piece, shop: ShopView) -> Part:
    """What the shop has of the product of a piece, from what price on, and what can be chosen."""
    return product([v for v in shop.goods.values() if v.product == piece.product], shop.language)


def _on_its_way(order: OrderAccount, days: int, language: Language) -> list[Part]:
    """Who brings it and when: on the day that the carrier has promised, or else by the rule."""
    parts, shipment = [], order.shipment
    if shipment is not None:
        tracked = {"carrier": carried_by(shipment), "tracking": shipment.tracking}
        parts.append(Part(template="shipment", values=tracked))
    if shipment is not None and shipment.arrives_on:
        promised = {"carrier": carried_by(shipment), "day": day(shipment.arrives_on, language)}
        parts.append(Part(template="arrives on", values=promised))
    elif days <= DELIVERY_DAYS:
        parts.append(Part(template="arrives by", values={"day": day(order.arrives_by, language)}))
    return parts


def _settlement(order: OrderAccount, shop: ShopView) -> tuple[Part, ...]:
    """What came back, what was paid for it, and the new goods; nothing before any goods have arrived."""
    asked = order.after_sales
    if asked is None or not asked.settled_on:
        return ()
    parts = [_paid_for(order, asked.settled_on, shop)]
    if asked.arrived and len(asked.arrived) < len(asked.pieces):
        counted = {"arrived": str(len(asked.arrived)), "all": str(len(asked.pieces))}
        parts.append(Part(template="arrived in part", values=counted))
    for parcel in asked.parcels:
        tracked = {"carrier": carried_by(parcel), "tracking": parcel.tracking}
        parts.append(Part(template="exchange shipped", values=tracked))
    return tuple(parts)


def _paid_for(order: OrderAccount, on: str, shop: ShopView) -> Part:
    """What was paid for the goods that came back."""
    values = {"order": order.order, "day": day(on, shop.language)}
    if len(order.movements) < 2:  # the order's own payment is the first
        return Part(template="settled even", values=values)
    moved = order.movements[-1]
    values |= {
        "amount": money(moved.amount, currency_of(order, shop)),
        "method": paid_by(moved.method, shop.customer, shop.language),
    }
    template = "settled refund" if moved.kind == "refund" else "settled charge"
    return Part(template=template, values=values)


def contents(order: OrderAccount, shop: ShopView) -> Part:
    """What is in an order, what it costs, how it is paid and where it goes."""
    language, currency = shop.language, currency_of(order, shop)
    pieces = COMMA[language].join(
        f"{called(p, shop.goods, language)} ({money(p.price, currency)})" for p in order.pieces
    )
    paid = [movement.method for movement in order.movements if movement.kind == "payment"]
    values = {
        "order": order.order,
        "goods": pieces,
        "total": money(order.total, currency),
        "method": paid_by(paid[-1] if paid else "", shop.customer, language),
        "address": order.address.on_one_line(),
    }
    return Part(template="contents", values=values)


def gift_cards(shop: ShopView) -> tuple[Part, ...]:
    """What is left on each gift card of the account."""
    cards = [m for m in shop.customer.methods.values() if m.kind == "gift_card"]
    if not cards:
        return (Part(template="no gift card"),)
    return tuple(_gift_card(card, currency_of(None, shop), shop) for card in cards)


def _gift_card(card: Method, currency: str, shop: ShopView) -> Part:
    values = {"card": paid_by(card.id, shop.customer, shop.language)}
    if card.balance is None:
        return Part(template="gift card unknown", values=values)
    return Part(template="gift card", values=values | {"left": money(card.balance, currency)})
