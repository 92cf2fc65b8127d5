"""A task and the values it needs: the form is filled from what the user names, turn by turn."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from agents.shop.accounts import CustomerAccount, OrderAccount, Piece, Variant
from agents.shop.contracts import OrderView
from agents.shop.requests import REQUESTS, Cancel, Kind, Request
from agents.shop.rules import perform, refusals
from agents.support.dialogue.goods import goods_named, named_pieces, values_of
from agents.support.dialogue.wording import brand, paid_by
from agents.support.models import Language, Part, Slot, Slots, Task, TaskName
from agents.support.understanding.exclusions import is_correction, left_out, meant
from agents.support.understanding.names import names_goods, names_in, options_in
from agents.support.understanding.slots import ORDER, SKU, slots

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
REPLACES = {"exchange_items", "modify_items"}
INFORMS = {"order_status", "order_contents", "refund_status"}
ADDS = re.compile(
    r"\b(?:also|too|as well|in addition)\b|^\W*(?:and|plus)\b|也|还有|加上", re.IGNORECASE
)
# Goods that describe an order are not those that are meant: "the lamp from the order with the keyboard".
OF_AN_ORDER = re.compile(
    r"\b(?:one|order|purchase|parcel|package) (?:with|containing|that (?:has|had|contains)) (?:(?:the|a|an|my) )?"
    r"[\w-]+(?: (?!please)[\w-]+)?|[^，。,.；;！!\s]{1,12}?(?:那个订单|那一?[单笔]|的订单)(?:里面?|中)?的?",
    re.IGNORECASE,
)
MISTAKE = re.compile(
    r"\b(?:mistak|accident)|误(?:拍|下|买|点|操作)|(?:买|下|拍|点|选)错|不小心", re.IGNORECASE
)  # why an order is cancelled
LETTERS = re.compile(r"[^\W\d_]")
CHEAPEST = re.compile(
    r"\b(?:cheapest|least expensive|lowest[- ]priced?)\b|最便宜|最低价|价格最低", re.IGNORECASE
)
# "台灯和水杯都退" is both of the goods that it names, not all goods of the order.
ALL_ZH = re.compile(r"全部|所有|整个订单|整单|其[他它余]|[A-Za-z]")
VERB = r"(?:exchange|change|swap|modify|return|have|get|replace|order|my|#)"
NEW = re.compile(
    rf"\b(?:for|to|into|against|with)\b(?! {VERB})|换成|换为|改成|改为|换个|换一|想要",
    re.IGNORECASE,
)  # what comes after it is wanted instead

# A piece that is broken is exchanged for another one like it.
SAME = re.compile(
    r"\bthe (?:very |exact )?same(?: (?:one|item|thing|again|product))?\s*(?:[.!,]|please|$)"
    r"|\b(?:an?|another) (?:new|identical) one\b|同样的一|一模一样|同款(?:新|的)|新的?一[个件台双]",
    re.IGNORECASE,
)


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
    return task if refusal(other, order) else other


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
        kept = {"address": task.address, "topics": task.topics}
        task = Task(name=task.name, order=order_name).model_copy(update=kept)
    order = shop.orders.get(task.order)
    filled: dict[str, object] = {}
    if named.address is not None:
        filled["address"] = named.address
    if method := _method(named, text, shop.customer):
        filled["method"] = method
    if order is not None and task.name in ITEMS:
        pieces, _ = _chosen(task, order, named, text, shop.goods)
        filled["pieces"] = pieces
        if task.name in REPLACES and pieces:
            new = _new(task.name, order, pieces, named, meant(text), shop.goods)
            filled["new"] = new or (task.new if pieces == task.pieces else ())
    return task.model_copy(update=filled)


def fill_in_turns(task: Task, named: Slots, text: str, shop: ShopView, began: str) -> Task:
    """The task with what the text names; once its order is known also with what the text before it named.

    `began` is the text of the turn that began the task.
    """
    filled = fill(task, named, text, shop)
    if task.order or not filled.order or not began:
        return filled
    known = task.model_copy(update={"order": filled.order})
    before = slots(began).model_copy(update={"orders": ()})
    return fill(fill(known, before, began, shop), named, text, shop)


def confirmed(task: Task, order: OrderAccount | None, began: str) -> Request:
    """The request that a yes to the task makes; `began` is the text that began it, with its reason."""
    request = request_of(task, order)
    if isinstance(request, Cancel) and MISTAKE.search(began):
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


def choices(task: Task, shop: ShopView, most: int = 5) -> list[Variant]:
    """What can replace the first piece, the cheapest first."""
    order = shop.orders[task.order]
    piece = next(p for p in order.pieces if p.sku in task.pieces)
    fitting = _variants(piece, shop.goods)
    return sorted(fitting, key=lambda variant: (variant.price, variant.sku))[:most]


def why_unclear(task: Task, named: Slots, text: str, shop: ShopView) -> Part | None:
    """What to say about goods that the text names and the order does not have, or has too few of."""
    order = shop.orders.get(task.order)
    if order is None or task.name not in ITEMS or task.asked != "pieces":
        return None
    return _chosen(task, order, named, text, shop.goods)[1]


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
    of_brand = [m for m in fitting if brand(m) and brand(m).lower() in text.lower()]
    chosen = of_brand or fitting
    return chosen[0].id if len(chosen) == 1 else ""


def _chosen(
    task: Task, order: OrderAccount, named: Slots, text: str, goods: Mapping[str, Variant]
) -> tuple[tuple[str, ...], Part | None]:
    """The pieces that the text means, or else those of before, less those that it leaves out.

    None if that is not clear: a name fits several pieces, the text names some pieces and all of them, or
    it leaves out what is no piece of the order. And what the order does not have.
    """
    wanted = OF_AN_ORDER.sub(" ", meant(text)) if task.asked != "pieces" else meant(text)
    if _says_what_instead(task, order, text, goods):
        return task.pieces, None
    described = wanted
    if task.name in REPLACES and (task.asked != "pieces" or NEW.search(wanted)):
        described = NEW.split(wanted)[0] if NEW.search(wanted) else ""
    some = goods_named(order, wanted, goods, described=described)
    without = goods_named(order, left_out(text), goods, every=True)
    why = some.why or without.why
    nothing = bool(LETTERS.search(ORDER.sub("", left_out(text)))) and not without.skus
    replaces = task.name in REPLACES  # "the same except for the colour" leaves out no goods
    unknown = nothing and not replaces and (named.everything or bool(some.skus))
    if unknown and why is None and not without.unclear:
        why = Part(template="not in order", values={"order": order.order})
    everything = named.everything and not (some.skus and not ALL_ZH.search(ORDER.sub("", wanted)))
    both = everything and 0 < len(some.skus) < len(order.pieces)
    if some.unclear or without.unclear or both or unknown:
        return (), why
    every = tuple(piece.sku for piece in order.pieces)
    if len(every) == 1 and not some.skus and not left_out(text) and why is None:
        return (() if names_goods(wanted, goods.values()) else every), why
    before = task.pieces if not some.skus or ADDS.search(text) else ()
    chosen = every if everything else (*before, *(s for s in some.skus if s not in before))
    left = Counter(without.skus)
    kept = []
    for sku in chosen:
        left[sku] -= 1
        if left[sku] < 0:
            kept.append(sku)
    return tuple(kept), why


def _says_what_instead(
    task: Task, order: OrderAccount, text: str, goods: Mapping[str, Variant]
) -> bool:
    """Whether the text only says what the pieces are replaced by, although the order has such goods as well."""
    if task.asked != "new" or is_correction(text) or NEW.search(text):
        return False
    named = {sku for _, skus in named_pieces(order, text, goods).values() for sku in skus}
    named |= set(SKU.findall(text))
    product = {piece.sku: piece.product for piece in order.pieces}
    replaced = {product[sku] for sku in task.pieces}
    return bool(named) and all(product.get(sku) in replaced for sku in named if sku in product)


def _new(  # noqa: PLR0913 - all that it follows from
    task: TaskName,
    order: OrderAccount,
    pieces: tuple[str, ...],
    named: Slots,
    text: str,
    goods: Mapping[str, Variant],
) -> tuple[str, ...]:
    """One SKU for each piece, by SKU or by named options; nothing unless all of them are clear."""
    mine = {piece.sku: piece for piece in order.pieces}
    wanted = _wanted_for(order, pieces, text, goods)
    new = []
    for sku in pieces:
        fitting = _variants(mine[sku], goods)
        by_number = [v for v in fitting if v.sku in named.skus]
        if task == "exchange_items" and SAME.search(wanted[sku]):
            by_number = [goods[sku]] if sku in goods else []
        chosen = by_number or _by_options(goods.get(sku), fitting, wanted[sku])
        if CHEAPEST.search(wanted[sku]):
            chosen = sorted(chosen or fitting, key=lambda v: (v.price, v.sku))[:1]
        if len(chosen) != 1:
            return ()
        new.append(chosen[0].sku)
    return tuple(new)


def _wanted_for(
    order: OrderAccount, pieces: Sequence[str], text: str, goods: Mapping[str, Variant]
) -> dict[str, str]:
    """The part of the text that says what each piece is replaced by: "the lamp for a red one and the mug for ..."."""
    places = sorted(named_pieces(order, text, goods).values())
    if len(set(pieces)) > 1 and not places:
        return dict.fromkeys(pieces, text)  # "one in blue and one with a battery"
    if len(set(pieces)) < 2 or len(places) < 2 or len(NEW.findall(text)) < 2:
        return dict.fromkeys(pieces, NEW.split(text, maxsplit=1)[-1])
    ends = [*(begin for (begin, _), _ in places[1:]), len(text)]
    parts = {
        sku: NEW.split(text[span[1] : end], maxsplit=1)[-1]
        for (span, skus), end in zip(places, ends, strict=True)
        for sku in skus
    }
    return {sku: parts.get(sku, "") for sku in pieces}


def _variants(piece: Piece, goods: Mapping[str, Variant]) -> list[Variant]:
    return [
        v
        for v in goods.values()
        if v.product == piece.product and v.available and v.sku != piece.sku
    ]


def _by_options(old: Variant | None, fitting: list[Variant], text: str) -> list[Variant]:
    """The variants with every named option, and of these the ones most like the old variant."""
    named = options_in(text, {value for v in fitting for value in values_of(v)})
    if old is not None:
        named -= values_of(old)
    with_all = [v for v in fitting if named <= values_of(v)] if named else []
    if not with_all or old is None:
        return with_all
    alike = [sum(v.options.get(k) == x for k, x in old.options.items()) for v in with_all]
    return [v for v, n in zip(with_all, alike, strict=True) if n == max(alike)]
