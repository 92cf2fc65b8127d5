"""The facts of an order, one by one: what the customer asks for comes first, and alone."""

import re
from collections.abc import Callable, Mapping, Sequence

from agents.shop.accounts import OrderAccount, Piece
from agents.shop.rules import DELIVERY_DAYS, RETURN_DAYS
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.goods import goods_named, named_pieces
from agents.support.dialogue.render import currency_of, money, status_part
from agents.support.dialogue.wording import COMMA, carried_by, day, listed, paid_by
from agents.support.models import Part

Fact = Callable[[OrderAccount, str, ShopView], tuple[Part, ...]]
WHOLE = re.compile(
    r"\b(?:orders?|purchase|parcel|total|in all|al(?:l )?together|everything)\b|[那这整]一?[单笔]|订单|一共|总共|总价",
    re.IGNORECASE,
)  # what asks for the price of the order, also where goods describe it
PAID = {  # two facts that are asked for in one breath: "how did I pay, and how much"
    "order_contents/price": re.compile(
        r"\bhow much\b|\bwhat did (?:it|that|they) cost\b|多少钱|一共多少|花了多少", re.IGNORECASE
    ),
    "order_contents/payment": re.compile(
        r"\bhow did i pay\b|\b(?:which|what) (?:card|method)\b|怎么付|怎么支付|[哪什]么?张?卡付|用什么付",
        re.IGNORECASE,
    ),
}
SENT = {"delivered", "return requested", "exchange requested"}


def facts(
    topics: Sequence[str], order: OrderAccount, text: str, shop: ShopView
) -> tuple[Part, ...]:
    """The facts of the order that a text asks for, by these topics; none if it asks for no single one."""
    of_price = set(topics) & PAID.keys()
    more = [one for one, words in PAID.items() if of_price and words.search(text)]
    return tuple(
        part
        for topic in dict.fromkeys((*topics, *more))
        if topic in FACTS
        for part in FACTS[topic](order, text, shop)
    )


def days_since(order: OrderAccount) -> int:
    """The days since the order was shipped; many if that is not known."""
    return order.days if order.days is not None else DELIVERY_DAYS + RETURN_DAYS + 1


def _price(order: OrderAccount, text: str, shop: ShopView) -> tuple[Part, ...]:
    """What the named pieces cost, each and together, or else the order."""
    currency = currency_of(order, shop)
    chosen = _chosen(order, text, shop)
    total = {"order": order.order, "total": money(order.total, currency)}
    whole = (Part(template="cost of order", values=total),)
    of_goods = _price_of(chosen, order, shop, currency)
    return (*of_goods, *whole) if not of_goods or WHOLE.search(text) else of_goods


def _price_of(
    chosen: Sequence[Piece], order: OrderAccount, shop: ShopView, currency: str
) -> tuple[Part, ...]:
    if not chosen:
        return ()
    prices: dict[tuple[str, int], list[Piece]] = {}
    for piece in chosen:
        prices.setdefault((piece.sku, piece.price), []).append(piece)
    each = COMMA[shop.language].join(
        f"{listed(some[:1], order, shop.goods, shop.language)} {money(price, currency)}"
        for (_, price), some in prices.items()
    )
    if len(chosen) == 1:
        return (Part(template="cost of piece", values={"goods": each}),)
    together = {
        "goods": each,
        "count": str(len(chosen)),
        "total": money(sum(piece.price for piece in chosen), currency),
    }
    return (Part(template="cost of pieces", values=together),)


def _chosen(order: OrderAccount, text: str, shop: ShopView) -> list[Piece]:
    """The pieces that the text names; of a name that fits several all of them."""
    named = goods_named(order, text, shop.goods)
    skus = list(named.skus)
    if not skus:
        skus = [
            piece.sku
            for piece in order.pieces
            if any(piece.sku in some for _, some in named_pieces(order, text, shop.goods).values())
        ]
    left, found = list(order.pieces), []
    for sku in skus:
        piece = next((one for one in left if one.sku == sku), None)
        if piece is not None:
            left.remove(piece)
            found.append(piece)
    return found


def _goods(order: OrderAccount, _text: str, shop: ShopView) -> tuple[Part, ...]:
    goods = listed(order.pieces, order, shop.goods, shop.language)
    return (Part(template="is in it", values={"order": order.order, "goods": goods}),)


def _payment(order: OrderAccount, _text: str, shop: ShopView) -> tuple[Part, ...]:
    paid = [movement.method for movement in order.movements if movement.kind == "payment"]
    method = paid_by(paid[-1] if paid else "", shop.customer, shop.language)
    return (Part(template="paid with", values={"order": order.order, "method": method}),)


def _address(order: OrderAccount, _text: str, _shop: ShopView) -> tuple[Part, ...]:
    where = {"order": order.order, "address": order.address.on_one_line()}
    return (Part(template="goes to", values=where),)


def _tracking(order: OrderAccount, _text: str, _shop: ShopView) -> tuple[Part, ...]:
    shipment = order.shipment
    if shipment is None:
        return (status_part("order_status", order), Part(template="no parcel"))
    tracked = {"carrier": carried_by(shipment), "tracking": shipment.tracking}
    return (Part(template="shipment", values=tracked), status_part("order_status", order))


def _arrival(order: OrderAccount, _text: str, shop: ShopView) -> tuple[Part, ...]:
    """When it comes, or that it should be there; and how it stands."""
    status, shipment = status_part("order_status", order), order.shipment
    if order.status not in SENT:
        return (status,)
    if shipment is not None and shipment.arrives_on:
        on = {"carrier": carried_by(shipment), "day": day(shipment.arrives_on, shop.language)}
        return (Part(template="arrives on", values=on), status)
    if not order.arrives_by:
        return (status,)
    template = "arrives by" if days_since(order) <= DELIVERY_DAYS else "should be there"
    return (Part(template=template, values={"day": day(order.arrives_by, shop.language)}), status)


def return_by(order: OrderAccount, _text: str, shop: ShopView) -> tuple[Part, ...]:
    """Until when the goods can be returned, or could."""
    if order.status != "delivered":
        return (status_part("order_status", order), Part(template="days to return", values=DAYS))
    is_over = days_since(order) > DELIVERY_DAYS + RETURN_DAYS
    if not order.returnable_until:
        return (Part(template="days to return", values=DAYS),)
    values = {"day": day(order.returnable_until, shop.language), "order": order.order}
    return (Part(template="returnable no more" if is_over else "returnable until", values=values),)


def _refund(order: OrderAccount, _text: str, shop: ShopView) -> tuple[Part, ...]:
    """What comes back, to which method, and after what; the difference where goods were replaced."""
    asked = order.after_sales
    language, currency = shop.language, currency_of(order, shop)
    if asked is not None and asked.new:
        return _difference(order, _text, shop)
    back = [movement for movement in order.movements if movement.kind == "refund"]
    if asked is not None and not asked.settled_on:
        left = list(asked.pieces)
        pieces = [p for p in order.pieces if p.sku in left and not left.remove(p.sku)]  # type: ignore[func-returns-value]
        values = {
            "pieces": listed(pieces, order, shop.goods, language),
            "amount": money(sum(piece.price for piece in pieces), currency),
            "method": paid_by(asked.method, shop.customer, language),
        }
        return (Part(template="refund awaited", values=values),)
    if order.status == "cancelled":
        paid = back or order.movements[:1]
        values = {
            "order": order.order,
            "amount": money(sum(m.amount for m in paid) if paid else order.total, currency),
            "method": paid_by(paid[-1].method if paid else "", shop.customer, language),
        }
        return (Part(template="refund of cancelled", values=values),)
    if len(order.movements) > 1 and asked is None:
        return _difference(order, _text, shop)
    if order.status == "delivered":
        method = paid_by(
            order.movements[0].method if order.movements else "", shop.customer, language
        )
        return (Part(template="no refund yet", values={"order": order.order, "method": method}),)
    return ()


def _difference(order: OrderAccount, _text: str, shop: ShopView) -> tuple[Part, ...]:
    """What the new goods of an exchange or a changed order cost more or less than the old ones."""
    asked = order.after_sales
    if asked is not None and asked.new:
        amount, method = asked.difference, asked.method
    elif order.status == "pending (items modified)" and len(order.movements) > 1:
        last = order.movements[-1]
        amount, method = last.amount if last.kind == "payment" else -last.amount, last.method
    else:
        return ()
    if not amount:
        return (Part(template="same price"),)
    values = {
        "amount": money(abs(amount), currency_of(order, shop)),
        "method": paid_by(method, shop.customer, shop.language),
    }
    return (Part(template="costs more" if amount > 0 else "costs less", values=values),)


DAYS = {"days": str(RETURN_DAYS)}
FACTS: Mapping[str, Fact] = {
    "order_contents/goods": _goods,
    "order_contents/price": _price,
    "order_contents/payment": _payment,
    "order_contents/address": _address,
    "order_status/tracking": _tracking,
    "order_status/arrival": _arrival,
    "order_status/return_by": return_by,
    "refund_status/amount": _refund,
    "refund_status/method": _refund,
    "refund_status/when": _refund,
    "refund_status/difference": _difference,
}
