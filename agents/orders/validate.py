"""Validation of an order before it is accepted: shape, money, lines and date."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from agents.orders.models import Order
from agents.workflow.money import exponent
from agents.workflow.records import MOST_PROBLEMS, InvalidRecord, Problem, shaped

MOST_MAJOR = 1_000_000
INT64 = 2**63 - 1
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)


class InvalidOrder(InvalidRecord):
    """The order cannot be taken; its problems, at most 50, never hold what was sent."""

    noun = "order"


def _now() -> datetime:
    return datetime.now(UTC)


def check_order(body: Mapping[str, object], clock: Callable[[], datetime] = _now) -> Order:
    """The order in this body. Raises InvalidOrder with every field that breaks a rule."""
    order = shaped(Order, body, InvalidOrder)
    problems = (*_money_problems(order), *_line_problems(order), *_date_problems(order, clock))
    if problems:
        raise InvalidOrder(problems[:MOST_PROBLEMS])
    return order


def _money_problems(order: Order) -> Iterator[Problem]:
    limit = MOST_MAJOR * 10 ** exponent(order.currency)
    if order.total > limit:
        yield Problem("total", "out-of-range", limit, f"should be at most {limit} minor units")
    due = sum(line.quantity * line.unit_price for line in order.lines) + order.charges
    if due > INT64:
        yield Problem("lines", "out-of-range", INT64, "are together worth more than 64 bits hold")
    elif due != order.total:
        also = " and charges" if order.charges else ""
        yield Problem("total", "sum-mismatch", due, f"should be the sum of the lines{also}, {due}")


def _line_problems(order: Order) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, line in enumerate(order.lines):
        seen = first.setdefault(line.sku, index)
        if seen != index:
            message = f"is the SKU of lines[{seen}]: order more of it there"
            yield Problem(f"lines[{index}].sku", "duplicate-sku", f"lines[{seen}]", message)


def _date_problems(order: Order, clock: Callable[[], datetime]) -> Iterator[Problem]:
    if order.placed_at is None:
        return
    latest = clock() + AHEAD
    if order.placed_at < OLDEST:
        yield Problem("placed_at", "out-of-range", OLDEST.isoformat(), "is too long ago")
    elif order.placed_at > latest:
        yield Problem("placed_at", "out-of-range", latest.isoformat(), "is in the future")
