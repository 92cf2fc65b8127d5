"""The body of an order, from the cells of a table that a layout describes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.orders.layouts.amounts import instant, minor_units
from agents.orders.layouts.columns import Cells, Columns
from agents.orders.layouts.schema import Source
from agents.orders.models import MOST_LINES
from agents.orders.validate import InvalidOrder
from agents.workflow.fields import BrokenRule
from agents.workflow.money import UnknownCurrency, exponent
from agents.workflow.records import MOST_PROBLEMS, Problem

WHOLE = re.compile(r"[0-9]{1,9}")
Body = dict[str, Any]


def order_body(columns: Columns, record: Mapping[str, Any]) -> Body:
    """The order in the cells. Raises InvalidOrder with every field that cannot be read."""
    if not record.keys() <= {"record", "rows"}:
        text = "is no row of a table: layouts are for CSV and tab separated text"
        raise InvalidOrder((Problem("", "layout", None, text),))
    order = _Order(columns, record.get("record", {}), record.get("rows", []))
    body = order.body()
    if order.problems:
        raise InvalidOrder(tuple(order.problems[:MOST_PROBLEMS]))
    return body


@dataclass(frozen=True, slots=True)
class _Field:
    """A block that reads a field: a broken rule is kept as a problem, and the code behind goes on."""

    at: str
    problems: list[Problem]

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, BrokenRule):
            return False
        self.problems.append(Problem(self.at, error.rule, error.limit, error.message))
        return True


@dataclass(slots=True)
class _Order:
    """One order while it is read; what cannot be read is kept as a problem."""

    columns: Columns
    cells: Cells
    rows: Sequence[Cells]
    currency: str = ""
    problems: list[Problem] = field(default_factory=list)

    def body(self) -> Body:
        layout = self.columns.layout
        for only in layout.only:
            with self._at(only.alternatives[0][0]):
                if self.columns.names(only):
                    only.require(self.columns.text(only, self.cells))
        body: Body = {}
        for part, source in layout.order.items():
            if (text := self._text(part, source, self.cells)) is not None:
                _put(body, part, text)
        if layout.dates is not None and "placed_at" in body:
            with self._at("placed_at"):
                body["placed_at"] = instant(body["placed_at"], layout.dates)
        self.currency = body.get("currency", "")
        with self._at("currency"):
            _require_known(self.currency)
            body |= self._priced()
        return body

    def _priced(self) -> Body:
        """The lines, the total, and what the total holds beyond the lines."""
        rows: list[Cells] = []
        before = len(self.problems)
        with self._at("lines"):
            rows = self.columns.rows(self.cells, self.rows)
            if len(rows) > MOST_LINES:
                raise BrokenRule("too-long", MOST_LINES, "has too many lines")
        lines = [line for n, row in enumerate(rows) if (line := self._line(f"lines[{n}]", row))]
        with self._at("lines"):
            self._require_once(rows)
        priced = sum(line["quantity"] * line["unit_price"] for line in lines)
        total = self._total(priced, before)
        found: Body = {"lines": _merged(lines), "total": total}
        return found | (
            {"charges": total - priced} if total is not None and total != priced else {}
        )

    def _line(self, at: str, row: Cells) -> Body | None:
        """A line; None for a row that only continues the order, as Amazon writes for promotions."""
        lines = self.columns.layout.lines
        sku, name, quantity = (
            self._part(f"{at}.{part}", getattr(lines, part), row)
            for part in ("sku", "name", "quantity")
        )
        if not (sku or name or quantity):
            return None
        price = self._part(f"{at}.unit_price", lines.unit_price or lines.price, row)
        with self._at(f"{at}.quantity"):
            pieces = _pieces(quantity)
            with self._at(f"{at}.unit_price"):
                unit = self._unit_price(price, pieces)
                found = {"sku": sku, "name": name, "quantity": pieces, "unit_price": unit}
                return {part: value for part, value in found.items() if value is not None}
        return None

    def _unit_price(self, price: str | None, pieces: int) -> int:
        if price is None:
            raise BrokenRule("missing", None, "has no price")
        amount = self._money(price)
        if self.columns.layout.lines.unit_price is not None:
            return amount
        unit, left = divmod(amount, pieces)
        if left:
            raise BrokenRule("indivisible", pieces, f"is no whole price of one of {pieces} pieces")
        return unit

    def _require_once(self, rows: Sequence[Cells]) -> None:
        lines = self.columns.layout.lines
        if lines.once is None:
            return
        ids = [
            self._part("lines", lines.once, row)
            for row in rows
            if self._part("lines", lines.sku, row)
        ]
        if len(set(ids)) < len(ids):
            raise BrokenRule("duplicate-line", None, "has a line twice")

    def _total(self, priced: int, before: int) -> int | None:
        """The total that the table states and its columns explain, or that follows from them.

        None if there are more problems than `before`: some amount could not be read.
        """
        money = self.columns.layout.money
        base = priced + self._sum(money.charges) - self._sum(money.discounts, signed=True)
        taxes = self._sum(money.taxes.columns) if money.taxes else 0
        with self._at("total"):
            stated = self._stated()
            if len(self.problems) > before:
                return None
            if stated is None:
                return base + (taxes if self._adds(taxes) else 0)
            if stated in (base, base + taxes) or (money.rest and stated > base):
                return stated
            also = f", or {base + taxes} with tax" if taxes else ""
            text = f"should be the lines with charges and discounts: {base}{also} in minor units"
            raise BrokenRule("sum-mismatch", base, text)
        return None

    def _stated(self) -> int | None:
        source = self.columns.layout.money.total
        if source is None:
            return None
        text = self.columns.text(source, self.cells)
        if text is None:
            raise BrokenRule("missing", None, "is empty")
        return self._money(text)

    def _adds(self, taxes: int) -> bool:
        """Whether tax is added to the prices of an order that states no total."""
        found = self.columns.layout.money.taxes
        if not taxes or found is None or self.currency in found.included:
            return False
        if self.currency in found.added:
            return True
        text = f"do prices in {self.currency} include tax? money.taxes of a layout says it"
        raise BrokenRule("ambiguous-tax", None, text)

    def _sum(self, sources: Sequence[Source], *, signed: bool = False) -> int:
        each_row = self.columns.layout.money.each == "row"
        total = 0
        for source in sources:
            for cells in self.rows if each_row else [self.cells]:
                with self._at(source.alternatives[0][0]):
                    amount = self._money(self.columns.text(source, cells) or "0")
                    if amount < 0 and not signed:
                        raise BrokenRule("out-of-range", 0, "should not be negative")
                    total += abs(amount)
        return total

    def _money(self, text: str) -> int:
        return minor_units(text, self.currency, self.columns.layout.money)

    def _text(self, at: str, source: Source, cells: Cells) -> str | None:
        with self._at(at):
            return self.columns.text(source, cells)
        return None

    def _part(self, at: str, source: Source | None, row: Cells) -> str | None:
        """A part of a line: a cell of its row, or one of the parts that are written in a cell."""
        if source is None:
            return None
        named = self.columns.layout.lines.cells is not None and source.alternatives
        with self._at(at):
            return self.columns.text(source, row, source.alternatives[0] if named else None)
        return None

    def _at(self, at: str) -> "_Field":
        return _Field(at, self.problems)


def _require_known(currency: str) -> None:
    try:
        exponent(currency)
    except UnknownCurrency as error:
        raise BrokenRule("unknown-currency", None, str(error)) from None


def _pieces(text: str | None) -> int:
    if text is None or not WHOLE.fullmatch(text) or int(text) == 0:
        raise BrokenRule("number", None, "should be a whole number of pieces")
    return int(text)


def _merged(lines: Sequence[Body]) -> list[Body]:
    """Lines of the same goods at the same price as one."""
    merged: dict[tuple[object, ...], Body] = {}
    for line in lines:
        same = merged.setdefault((line.get("sku"), line.get("name"), line["unit_price"]), line)
        if same is not line:
            same["quantity"] += line["quantity"]
    return list(merged.values())


def _put(body: Body, path: str, value: str) -> None:
    outer, _, inner = path.rpartition(".")
    (body.setdefault(outer, {}) if outer else body)[inner] = value
