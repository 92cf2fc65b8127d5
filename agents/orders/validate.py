"""Whether an order as it came in is one we can take, and the form in which orders are compared."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import get_args, get_origin

import orjson
from pydantic import BaseModel, ValidationError

from agents.orders.models import BrokenRule, Order, UnknownCurrency
from agents.orders.rules import exponent
from agents.runtime.errors import PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import PURE

MOST_MAJOR = 1_000_000
INT64 = 2**63 - 1
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
MOST_PROBLEMS = 50
SHOWN = 40

# pydantic's error type -> our rule, and where pydantic keeps the limit
RULES = {
    "missing": ("missing", None),
    "extra_forbidden": ("unknown-field", None),
    "invalid_key": ("unknown-field", None),
    "string_pattern_mismatch": ("pattern", "pattern"),
    "string_too_short": ("too-short", "min_length"),
    "string_too_long": ("too-long", "max_length"),
    "string_unicode": ("control-character", None),
    "greater_than": ("out-of-range", "gt"),
    "less_than_equal": ("out-of-range", "le"),
    "timezone_aware": ("date", None),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an order: which field breaks which rule, and the rule's limit."""

    field: str
    rule: str
    limit: str | int | None
    message: str


class InvalidOrder(PermanentError):
    """The order cannot be taken; its problems, at most 50, never hold what was sent."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "order refused: " + "; ".join(
            f"{problem.field or 'order'} ({problem.rule}): {problem.message}"
            for problem in self.problems
        )


def _now() -> datetime:
    return datetime.now(UTC)


def check_order(body: Mapping[str, object], clock: Callable[[], datetime] = _now) -> Order:
    """The order in this body. Raises InvalidOrder naming every field and rule at fault."""
    try:
        order = Order.model_validate(body)
    except ValidationError as error:
        problems = tuple(islice(_shape_problems(error), MOST_PROBLEMS))
    else:
        problems = (*_money_problems(order), *_line_problems(order), *_date_problems(order, clock))
        if not problems:
            return order
    # raised out here so that the body is not kept alive in the error's context
    raise InvalidOrder(problems[:MOST_PROBLEMS])


@agent(PURE)
def validate_order(body: dict[str, object]) -> Order:
    """Check an order before it is accepted. Raises InvalidOrder (permanent)."""
    return check_order(body)


def _shape_problems(error: ValidationError) -> Iterator[Problem]:
    for found in error.errors(include_url=False, include_input=False):
        context, field = found.get("ctx", {}), _field(found["loc"])
        broken = context.get("error")
        if isinstance(broken, BrokenRule):
            yield Problem(field, broken.rule, broken.limit, broken.message)
        else:
            rule, key = RULES.get(found["type"], ("type", None))
            yield Problem(field, rule, context.get(key) if key else None, found["msg"])


def _field(location: tuple[int | str, ...]) -> str:
    """The place as a path, lines[0].sku; a sender's own keys are escaped and cut."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part.encode("unicode_escape").decode("ascii")[:SHOWN]
            path += f".{name}" if path else name
    return path


def _money_problems(order: Order) -> Iterator[Problem]:
    try:
        limit = MOST_MAJOR * 10 ** exponent(order.currency)
    except UnknownCurrency as unknown:
        yield Problem("currency", "unknown-currency", None, str(unknown))
        return
    if order.total > limit:
        yield Problem("total", "out-of-range", limit, f"should be at most {limit} minor units")
    due = sum(line.quantity * line.unit_price for line in order.lines)
    if due > INT64:
        yield Problem("lines", "out-of-range", INT64, "are together worth more than 64 bits hold")
    elif due != order.total:
        yield Problem("total", "sum-mismatch", due, f"should be the sum of the lines, {due}")


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
        yield Problem("placed_at", "out-of-range", latest.isoformat(), "lies in the future")


def canonical(order: Order) -> str:
    """The order as JSON that is equal for equal orders, whatever file they came from."""
    return orjson.dumps(order.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()


def _integer_fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        is_many = get_origin(field.annotation) is tuple
        item = get_args(field.annotation)[0] if is_many else field.annotation
        path = f"{prefix}{name}[]" if is_many else f"{prefix}{name}"
        if item is int:
            yield path
        elif isinstance(item, type) and issubclass(item, BaseModel):
            yield from _integer_fields(item, f"{path}.")


INTEGER_FIELDS = frozenset(_integer_fields(Order))
