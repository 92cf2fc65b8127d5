"""Facts as parts of an answer: where an order stands, and what a yes would change."""

from agents.shop.accounts import OrderAccount
from agents.shop.rules import perform
from agents.support.dialogue.forms import ShopView, request_of
from agents.support.models import Part, Task, TaskName


def status_part(task: TaskName, order: OrderAccount) -> Part:
    """Where the order, or the money that goes back, stands."""
    values = {"order": order.order, "status": order.status}
    if task == "order_status":
        return Part(saying="status", values=values)
    saying = {
        "cancelled": "refunded",
        "return requested": "refund after return",
        "exchange requested": "refund after return",
    }.get(order.status, "not refunded")
    return Part(saying=saying, values=values)


def confirmation(task: Task, order: OrderAccount | None, shop: ShopView) -> Part:
    """The question that names what a yes would change."""
    values = {"order": task.order, "method": task.method}
    if task.address is not None:
        a = task.address
        told = (a.line1, a.line2, a.city, a.state, a.postal_code, a.country)
        values["address"] = ", ".join(part for part in told if part)
    if order is not None:
        names = {piece.sku: piece.name for piece in order.pieces}
        values["pieces"] = ", ".join(f"{names[sku]} ({sku})" for sku in task.pieces if sku in names)
        values["total"] = money(order.total)
        prices = {piece.sku: piece.price for piece in order.pieces}
        values["worth"] = money(sum(prices.get(sku, 0) for sku in task.pieces))
        values["method"] = task.method or (order.movements[0].method if order.movements else "")
    if task.new:
        goods = [shop.goods[sku] for sku in task.new]
        values["new"] = ", ".join(
            f"{v.name} ({v.sku}: {', '.join(v.options.values())})" for v in goods
        )
        values["difference"] = money(_difference(task, order, shop))
    return Part(saying=f"confirm {task.name}", values=values)


def money(cents: int) -> str:
    """An amount of the shop's currency, for people to read."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"


def _difference(task: Task, order: OrderAccount | None, shop: ShopView) -> int:
    """What replacing pieces costs, by the rules themselves."""
    _, after = perform(request_of(task, order), shop.customer, order, shop.goods)
    if order is None or after is None:
        return 0
    if after.after_sales is not None:
        return after.after_sales.difference
    return after.total - order.total
