"""What customers may do to their orders: pure functions from account and request to account.

The rules are those of the retail shop in tau2-bench (Sierra Research,
https://github.com/sierra-research/tau2-bench), with each piece at its own price, and those that the shop's
pages for customers state; tests/agents/shop/test_pages.py holds the pages and these rules together.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from agents.runtime.errors import PermanentError
from agents.shop.accounts import (
    AfterSales,
    CustomerAccount,
    Method,
    Movement,
    OrderAccount,
    Piece,
    Status,
    Variant,
)
from agents.shop.requests import (
    Cancel,
    Exchange,
    Kind,
    ModifyCustomerAddress,
    ModifyItems,
    ModifyOrderAddress,
    ModifyPayment,
    Request,
    Return,
)

PENDING = frozenset[Status]({"pending", "pending (items modified)"})
UNCHANGED = frozenset[Status]({"pending"})
DELIVERED = frozenset[Status]({"delivered"})
NEEDED_STATUS: Mapping[Kind, tuple[frozenset[Status], str]] = {
    "cancel": (UNCHANGED, "not-pending"),
    "return": (DELIVERED, "not-delivered"),
    "exchange": (DELIVERED, "not-delivered"),
    "modify_items": (UNCHANGED, "not-pending"),
    "modify_payment": (PENDING, "not-pending"),
    "modify_order_address": (PENDING, "not-pending"),
}
"""Each kind of request -> the statuses of an order that allow it, and the rule that refuses others."""

RETURN_DAYS = 30  # after delivery, for returns and exchanges
DELIVERY_DAYS = 7  # five working days: the longest delivery, where no carrier has promised a day

Catalogue = Mapping[str, Variant]
Accounts = tuple[CustomerAccount, OrderAccount | None]


class RuleViolation(PermanentError):
    """A request breaks a rule of the shop; `rule` names it."""

    def __init__(self, rule: str, subject: str) -> None:
        super().__init__(rule, subject)
        self.rule, self.subject = rule, subject

    def __str__(self) -> str:
        return f"refused, {self.rule}: {self.subject}"


def perform(
    request: Request, customer: CustomerAccount, order: OrderAccount | None, catalogue: Catalogue
) -> Accounts:
    """Both accounts after the request of that customer. Raises RuleViolation; then nothing has changed.

    An order of another customer is refused in the same way as an order that does not exist.
    """
    if isinstance(request, ModifyCustomerAddress):
        return customer.model_copy(update={"address": request.address}), order
    if order is None or order.order != request.order or order.customer != customer.customer:
        raise RuleViolation("unknown-order", request.order)
    if rule := refusals(order).get(request.kind):
        raise RuleViolation(rule, order.order)
    return _ACTIONS[request.kind](request, customer, order, catalogue)


def refusals(order: OrderAccount) -> Mapping[Kind, str]:
    """The kinds of request that the order refuses as it stands, each with the rule that refuses it."""
    is_late = order.days is not None and order.days > DELIVERY_DAYS + RETURN_DAYS
    late: dict[Kind, str] = {"return": "return-window", "exchange": "return-window"}
    return (late if is_late else {}) | {
        kind: rule for kind, (allowed, rule) in NEEDED_STATUS.items() if order.status not in allowed
    }


def _cancel(
    request: Cancel, customer: CustomerAccount, order: OrderAccount, _: Catalogue
) -> Accounts:
    paid = Counter[str]()
    for movement in order.movements:
        paid[movement.method] += movement.amount * (1 if movement.kind == "payment" else -1)
    left = ((method, amount) for method, amount in paid.items() if amount > 0)
    refunds = tuple(Movement(kind="refund", amount=n, method=method) for method, n in left)
    for refund in refunds:
        customer = _pay(customer, refund.method, -refund.amount)
    return customer, _with(
        order,
        status="cancelled",
        cancelled_for=request.reason,
        movements=(*order.movements, *refunds),
    )


def _return(
    request: Return, customer: CustomerAccount, order: OrderAccount, _: Catalogue
) -> Accounts:
    method = _method(customer, request.method)
    original = order.movements[0].method if order.movements else ""
    allowed = method.kind == "gift_card" or method.id == original
    _require(allowed, "not-original-method", method.id)
    _pieces(order, request.pieces)
    asked = AfterSales(pieces=tuple(sorted(request.pieces)), method=method.id)
    return customer, _with(order, status="return requested", after_sales=asked)


def _exchange(
    request: Exchange, customer: CustomerAccount, order: OrderAccount, catalogue: Catalogue
) -> Accounts:
    old, new = _replaced(order, request, catalogue)
    difference = sum(v.price for v in new) - sum(p.price for p in old)
    _afford(_method(customer, request.method), difference)
    asked = AfterSales(
        pieces=tuple(sorted(request.pieces)),
        new=tuple(sorted(request.new)),
        method=request.method,
        difference=difference,
    )
    return customer, _with(order, status="exchange requested", after_sales=asked)


def _modify_items(
    request: ModifyItems, customer: CustomerAccount, order: OrderAccount, catalogue: Catalogue
) -> Accounts:
    same = next((a for a, b in zip(request.pieces, request.new, strict=False) if a == b), None)
    _require(same is None, "same-item", same or "")
    old, new = _replaced(order, request, catalogue)
    difference = sum(v.price for v in new) - sum(p.price for p in old)
    _afford(_method(customer, request.method), difference)
    paid = Movement(
        kind="payment" if difference > 0 else "refund",
        amount=abs(difference),
        method=request.method,
    )
    pieces = list(order.pieces)
    for piece, variant in zip(old, new, strict=True):
        bought = Piece(**variant.model_dump(include={"sku", "product", "name", "price"}))
        pieces[pieces.index(piece)] = bought
    return _pay(customer, request.method, difference), _with(
        order,
        status="pending (items modified)",
        pieces=tuple(pieces),
        movements=(*order.movements, paid),
    )


def _modify_payment(
    request: ModifyPayment, customer: CustomerAccount, order: OrderAccount, _: Catalogue
) -> Accounts:
    method = _method(customer, request.method)
    _require([m.kind for m in order.movements] == ["payment"], "more-than-one-payment", order.order)
    before = order.movements[0]
    _require(before.method != method.id, "same-method", method.id)
    _afford(method, before.amount)
    moved = (
        Movement(kind="payment", amount=before.amount, method=method.id),
        Movement(kind="refund", amount=before.amount, method=before.method),
    )
    customer = _pay(_pay(customer, method.id, before.amount), before.method, -before.amount)
    return customer, _with(order, movements=(*order.movements, *moved))


def _modify_order_address(
    request: ModifyOrderAddress, customer: CustomerAccount, order: OrderAccount, _: Catalogue
) -> Accounts:
    _require(request.address.country == order.address.country, "abroad", request.address.country)
    return customer, _with(order, address=request.address)


_ACTIONS: Mapping[Kind, Callable[[Any, CustomerAccount, OrderAccount, Catalogue], Accounts]] = {
    "cancel": _cancel,
    "return": _return,
    "exchange": _exchange,
    "modify_items": _modify_items,
    "modify_payment": _modify_payment,
    "modify_order_address": _modify_order_address,
}


def _require(holds: object, rule: str, subject: str) -> None:
    if not holds:
        raise RuleViolation(rule, subject)


def _with(order: OrderAccount, **changed: Any) -> OrderAccount:
    return order.model_copy(update=changed)


def _method(customer: CustomerAccount, name: str) -> Method:
    try:
        return customer.methods[name]
    except KeyError:
        raise RuleViolation("unknown-method", name) from None


def _pieces(order: OrderAccount, skus: tuple[str, ...]) -> list[Piece]:
    """The pieces of the order that have these SKUs, one piece for each SKU."""
    left, found = list(order.pieces), []
    for sku in skus:
        piece = next((p for p in left if p.sku == sku), None)
        if piece is None:
            raise RuleViolation("unknown-item", sku)
        left.remove(piece)
        found.append(piece)
    return found


def _replaced(
    order: OrderAccount, request: Exchange | ModifyItems, catalogue: Catalogue
) -> tuple[list[Piece], list[Variant]]:
    old = _pieces(order, request.pieces)
    _require(len(old) == len(request.new), "one-for-one", order.order)
    new = []
    for piece, sku in zip(old, request.new, strict=True):
        variant = catalogue.get(sku)
        if variant is None or variant.product != piece.product:
            raise RuleViolation("other-product", sku)
        _require(variant.available, "not-available", sku)
        new.append(variant)
    return old, new


def _afford(method: Method, amount: int) -> None:
    enough = method.balance is None or method.balance >= amount
    _require(method.kind != "gift_card" or enough, "low-balance", method.id)


def _pay(customer: CustomerAccount, name: str, amount: int) -> CustomerAccount:
    """The customer after a payment, or a refund if `amount` is negative; only gift cards have a balance."""
    method = customer.methods.get(name)
    if method is None or method.kind != "gift_card" or method.balance is None:
        return customer
    left = method.model_copy(update={"balance": method.balance - amount})
    return customer.model_copy(update={"methods": {**customer.methods, name: left}})
