"""The open question of a task, and what is said before it."""

from collections.abc import Mapping, Sequence

from agents.shop.accounts import OrderAccount, Piece, Variant
from agents.support.dialogue.describing import BY_GOODS
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.goods import goods_named, named_pieces
from agents.support.dialogue.informing import own_orders
from agents.support.dialogue.render import confirmation, currency_of, money
from agents.support.dialogue.replacing import choices
from agents.support.dialogue.wording import AND, COMMA, FIELDS, listed, options_of, paid_by
from agents.support.models import Language, Part, Task
from agents.support.understanding.addresses import NEEDED, GivenFields, given_fields
from agents.support.understanding.exclusions import left_out, meant


def offered(task: Task, shop: ShopView) -> tuple[Part, ...]:
    """The user's own orders, before the question which of them it is."""
    return own_orders(shop) if task.asked == "order" and shop.latest else ()


def question(task: Task, shop: ShopView, said: str = "") -> Part:
    """The open question of a task; of the pieces of the order only those that fit what was said, if any do."""
    order = shop.orders.get(task.order)
    if task.asked == "confirm":
        return confirmation(task, order, shop)
    values: dict[str, str] = {"order": task.order}
    if task.asked == "address" and (known := given_fields(said)).values.keys() & set(NEEDED):
        return _rest_of_address(known, shop.language)
    if task.asked == "pieces" and order is not None:
        pieces = fitting(order, said, shop.goods)
        values["pieces"] = listed(pieces, order, shop.goods, shop.language)
    if task.asked == "new" and order is not None:
        values["choices"] = "; ".join(
            f"{options_of(v, shop.language)} ({money(v.price, v.currency or currency_of(order, shop))})"
            for v in choices(task, order, meant(said), shop.goods)
        )
    if task.asked == "method":
        values["methods"] = COMMA[shop.language].join(
            paid_by(method, shop.customer, shop.language) for method in shop.customer.methods
        )
    return Part(template=f"which {task.asked}", values=values)


def fitting(order: OrderAccount, said: str, goods: Mapping[str, Variant]) -> Sequence[Piece]:
    """The pieces of the order that were named, or all of them if it was not several."""
    named = named_pieces(order, said, goods).values()
    skus = {sku for _, some in named for sku in some}
    some = [piece for piece in order.pieces if piece.sku in skus]
    return some if len(some) > 1 else order.pieces  # of one nothing would have to be asked


def as_a_whole(task: Task, text: str, shop: ShopView) -> tuple[Part, ...]:
    """What to say to somebody who wants a part of an order cancelled: that cannot be done."""
    order = shop.orders.get(task.order)
    if task.name != "cancel_order" or order is None or BY_GOODS.search(text):
        return ()
    some = set(goods_named(order, meant(text), shop.goods).skus)
    is_part = bool(some) and some != {piece.sku for piece in order.pieces}
    is_part |= _keeps_some(task, text, shop)
    return (Part(template="whole order", values={"order": task.order}),) if is_part else ()


def not_a_part(task: Task, text: str, shop: ShopView) -> tuple[Part, ...]:
    """What to say to somebody who keeps some goods of an order to be cancelled: "send the chair, cancel the clock"."""
    if not _keeps_some(task, text, shop) or not (parts := as_a_whole(task, text, shop)):
        return ()
    return (*parts, Part(template="can be cancelled"))


def _keeps_some(task: Task, text: str, shop: ShopView) -> bool:
    order = shop.orders.get(task.order)
    return order is not None and bool(goods_named(order, left_out(text), shop.goods).skus)


def _rest_of_address(known: GivenFields, language: Language) -> Part:
    """What the customer has given of an address, and what is missing of it."""
    have = [
        known.values[name] for name in FIELDS[language] if name in known.values.keys() - {"country"}
    ]
    asked = AND[language].join(FIELDS[language][name] for name in known.lacks)
    values = {"known": COMMA[language].join(have), "missing": asked}
    return Part(template="rest of address", values=values)
