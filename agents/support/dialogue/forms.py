"""A task and the values it needs: the form is filled from what the user names, turn by turn."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from agents.shop.accounts import CustomerAccount, OrderAccount, Variant
from agents.shop.contracts import OrderView
from agents.shop.requests import REQUESTS, Cancel, Kind, Request
from agents.shop.rules import perform, refusals
from agents.support.dialogue.goods import CLAUSE, named_pieces
from agents.support.dialogue.replacing import NEW, new_pieces, why_nothing_fits
from agents.support.dialogue.selecting import OF_AN_ORDER, SWAPS, selected
from agents.support.dialogue.wording import is_of_brand, paid_by
from agents.support.models import Language, Part, Slot, Slots, Task, TaskName
from agents.support.understanding.exclusions import meant, meant_instead
from agents.support.understanding.names import names_goods, names_in
from agents.support.understanding.slots import METHODS, slots

NEEDS: Mapping[TaskName, tuple[Slot, ...]] = {
    "order_status": ("order",),
    "order_contents": ("order",),
    "refund_status": ("order",),
    "cancel_order": ("order",),
    "return_items": ("order", "pieces"),
    "exchange_items": ("order", "pieces", "new"),
    "modify_items": ("order", "pieces", "new"),
    "modify_payment": ("order", "method"),
    "modify_order_address": ("order", "address"),
    "modify_customer_address": ("address",),
}
KINDS: Mapping[TaskName, Kind] = {
    "cancel_order": "cancel",
    "return_items": "return",
    "exchange_items": "exchange",
    "modify_items": "modify_items",
    "modify_payment": "modify_payment",
    "modify_order_address": "modify_order_address",
    "modify_customer_address": "modify_customer_address",
}
ITEMS = {"return_items", "exchange_items", "modify_items"}
REPLACES = SWAPS
INFORMS = {"order_status", "order_contents", "refund_status"}
WRONG_TIME = {
    "not-pending",
    "not-delivered",
}  # rules that refuse what belongs before or after shipping
MISTAKE = re.compile(
    r"\b(?:mistak|accident)|误(?:拍|下|买|点|操作)|(?:买|下|拍|点|选)错|不小心", re.IGNORECASE
)  # why an order is cancelled


@dataclass(frozen=True, slots=True)
class ShopView:
    """What the signed-in user may know: the own account, the own orders in question, and the goods.

    `latest` are the numbers of the latest own orders, the newest first; answers are in this `language`.
    """

    customer: CustomerAccount
    orders: Mapping[str, OrderView]
    goods: Mapping[str, Variant]
    latest: tuple[str, ...] = ()
    language: Language = "en"

    def spelled(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names of orders as the shop writes them: an own order is known in capitals or not."""
        own = {name.lower(): name for name in self.orders}
        known = (name if name in self.orders else own.get(name.lower(), name) for name in names)
        return tuple(dict.fromkeys(known))


def missing(task: Task) -> Slot:
    """The first value that is still missing; "" once the task is complete."""
    return next((slot for slot in NEEDS[task.name] if not getattr(task, slot)), "")


def refusal(task: Task, order: OrderView) -> str:
    """The rule by which the order, as it stands, refuses what the task would request; "" for none."""
    return order.refuses.get(KINDS[task.name], "") if task.name in KINDS else ""


def as_shipped(task: Task, order: OrderView) -> Task:
    """The task, where goods are replaced: after shipping that is an exchange, before it a change of the order."""
    others: Mapping[TaskName, TaskName] = {
        "modify_items": "exchange_items",
        "exchange_items": "modify_items",
    }
    if task.name not in others or not refusal(task, order):
        return task
    other = task.model_copy(update={"name": others[task.name]})
    return task if refusal(other, order) in WRONG_TIME else other


def is_possible(name: TaskName, order: OrderView) -> bool:
    """Whether the order, as it stands, allows the task; what replaces goods is possible before or after shipping."""
    task = as_shipped(Task(name=name, order=order.order), order)
    return not refusal(task, order)


def fill(task: Task, named: Slots, text: str, shop: ShopView) -> Task:
    """The task with what a text names; for another order than before it starts again without pieces.

    Of several orders none is taken, since the task is about one.
    """
    orders = shop.spelled(named.orders)
    if orders and orders != (task.order,):
        order_name = orders[0] if len(orders) == 1 else ""
        kept = {"address": task.address, "text": task.text, "topics": task.topics}
        task = Task(name=task.name, order=order_name).model_copy(update=kept)
    order = shop.orders.get(task.order)
    filled: dict[str, object] = {}
    if named.address is not None:
        filled["address"] = named.address
    if method := _method(named, meant(text), shop.customer):
        is_mine = task.name not in ITEMS or order is None or _pays_here(text, order, shop)
        filled |= {"method": method} if is_mine else {}
    if order is not None and task.name in ITEMS:
        pieces, _ = selected(task, order, named, text, shop.goods)
        filled["pieces"] = pieces
        if task.name in REPLACES and pieces:
            same = pieces == task.pieces
            chosen = task.model_copy(update={"pieces": pieces, "new": task.new if same else ()})
            only_pieces = tells_only_pieces(task, text)
            new = new_pieces(
                chosen, order, named, "" if only_pieces else meant_instead(text), shop.goods
            )
            filled["new"] = new or (task.new if pieces == task.pieces else ())
    return task.model_copy(update=filled)


def fill_in_turns(task: Task, named: Slots, text: str, shop: ShopView) -> Task:
    """The task with what the text names, and with what was said about it in earlier turns where that is missing.

    Goods count once their order is known, and what shall replace them can be said little by little.
    """
    filled = fill(task, named, text, shop)
    if filled.order and not task.order and task.text:
        known = task.model_copy(update={"order": filled.order})
        before = slots(task.text).model_copy(update={"orders": ()})
        begun = fill(known, before, task.text, shop)
        # The goods of "the one with the lamp" tell the order, where the first turn said which goods are meant.
        tells_order = begun.pieces or OF_AN_ORDER.search(text)
        filled = begun if tells_order else fill(begun, named, text, shop)
    order = shop.orders.get(filled.order)
    if (
        order is not None
        and task.text
        and filled.name in REPLACES
        and filled.pieces
        and not filled.new
    ):
        both = meant_instead(task.text if tells_only_pieces(task, text) else f"{task.text}\n{text}")
        new = new_pieces(filled, order, named, both, shop.goods)
        filled = filled.model_copy(update={"new": new})
    return filled


def tells_only_pieces(task: Task, text: str) -> bool:
    """Whether the text answers which pieces are replaced, and says nothing of what replaces them."""
    return task.asked == "pieces" and task.name in REPLACES and NEW.search(text) is None


def confirmed(task: Task, order: OrderAccount | None) -> Request:
    """The request that a yes to the task makes, with the reason that was said."""
    request = request_of(task, order)
    if isinstance(request, Cancel) and MISTAKE.search(task.text):
        return request.model_copy(update={"reason": "ordered by mistake"})
    return request


def shop_after(shop: ShopView, request: Request, order: OrderAccount | None) -> ShopView:
    """The shop as the next wish finds it: an order that is cancelled cannot be returned as well."""
    customer, after = perform(request, shop.customer, order, shop.goods)
    if after is None:
        return replace(shop, customer=customer)
    view = OrderView(**(dict(after) | {"refuses": refusals(after)}))
    return replace(shop, customer=customer, orders={**shop.orders, after.order: view})


def request_of(task: Task, order: OrderAccount | None) -> Request:
    """The request of a complete task; without a named method money goes back the way it came."""
    paid_by = task.method or (order.movements[0].method if order and order.movements else "")
    fields: dict[str, object] = {"kind": KINDS[task.name]}
    needs = NEEDS[task.name]
    fields |= {slot: getattr(task, slot) for slot in needs if slot}
    if "pieces" in needs:
        fields["method"] = paid_by
    return REQUESTS.validate_python(fields)


def why_unclear(task: Task, named: Slots, text: str, shop: ShopView) -> Part | None:
    """What to say about goods that the text names and that are not in the order, or that we do not have."""
    order = shop.orders.get(task.order)
    if order is None or task.name not in ITEMS:
        return None
    if task.asked == "new":
        return why_nothing_fits(task, order, meant(text), shop.goods, shop.language)
    return selected(task, order, named, text, shop.goods)[1] if task.asked == "pieces" else None


def _pays_here(text: str, order: OrderAccount, shop: ShopView) -> bool:
    """Whether a method that the text names is about this order: not "and the keyboard should be on my PayPal"."""
    products = {piece.product for piece in order.pieces}
    others = [v for v in shop.goods.values() if v.product not in products]
    return any(
        named_pieces(order, part, shop.goods) or not names_goods(part, others)
        for part in CLAUSE.split(text)
        if any(words.search(part) for words in METHODS.values())
    )


def _method(named: Slots, text: str, customer: CustomerAccount) -> str:
    """The method of the account that is named; of several of a kind the one as it is shown, or of the brand."""
    shown = {
        paid_by(name, customer, language): name
        for name in customer.methods
        for language in get_args(Language)
    }
    by_name = {shown[label] for label in names_in(text, shown)} if len(shown) > 1 else set()
    if len(by_name) == 1:
        return by_name.pop()
    fitting = [m for m in customer.methods.values() if m.kind in named.methods]
    of_brand = [m for m in fitting if is_of_brand(m, text)]
    chosen = of_brand or fitting
    return chosen[0].id if len(chosen) == 1 else ""
