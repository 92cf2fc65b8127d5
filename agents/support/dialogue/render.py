"""Write answers from templates, in English and Chinese; a template has gaps for facts, and no other text."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from agents.shop.accounts import OrderAccount
from agents.shop.rules import RETURN_DAYS, perform
from agents.support.dialogue.forms import ShopView, request_of
from agents.support.dialogue.wording import COMMA, described, field_by_field, listed, paid_by
from agents.support.models import (
    AwaitedChange,
    ChangeOutcome,
    Decided,
    Language,
    Part,
    Phrased,
    Replied,
    Task,
)
from agents.workflow.money import format_money

NOT_PHRASED = Phrased()
TEMPLATES = Path(__file__).parent / "templates.yaml"
MARKDOWN_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
LINK_OR_TAG = re.compile(r"(?:https?|ftp|data|javascript):\S+|<[^>]*>", re.IGNORECASE)
WORDS_FOR = {"status": "status", "task": "task", "option 1": "task", "option 2": "task"}
"""A gap of a template -> the table of words that its value is replaced from."""


def reply(
    language: Language, decided: Decided, result: ChangeOutcome, phrased: Phrased = NOT_PHRASED
) -> Replied:
    """The answer to a turn, and what the next turn has to know.

    Where a language model has phrased the passages, its text stands in their place.
    """
    parts = [*decided.parts]
    if decided.request is not None:
        parts += [_result_part(decided, result), *decided.then]
    texts = (
        phrased.text if part.passage is not None and phrased.text else render(part, language)
        for part in parts
    )
    text = without_links(" ".join(texts))
    citations = phrased.citations or tuple(
        part.passage.source for part in parts if part.passage is not None
    )
    said = decided.after.said if decided.reason == "repeated" else text
    awaited = (*decided.after.awaited, *_awaited(decided, result))
    after = decided.after.model_copy(update={"said": said, "awaited": awaited})
    return Replied(text=text, citations=citations, after=after)


def without_links(text: str) -> str:
    """The text without links and tags: customers and suppliers can put one into the name of an item."""
    return LINK_OR_TAG.sub("[link]", MARKDOWN_LINK.sub(r"\1", text))


def render(part: Part, language: Language) -> str:
    """One part of an answer as text."""
    if part.passage is not None:
        return part.passage.text
    table = _table("templates", language)
    template = table.get(part.template, table["refused other"])
    # Values are filled in once: a brace inside a value is text, not a gap.
    return template.format_map(_in_words(part.values, language))


def templates(language: Language) -> tuple[str, ...]:
    """All templates of a language; a word in braces is a gap."""
    return tuple(_table("templates", language).values())


def status_part(task: str, order: OrderAccount) -> Part:
    """The state of the order, or of its refund."""
    values = {"order": order.order, "status": order.status}
    if task == "order_status":
        return Part(template="status", values=values)
    template = {
        "cancelled": "refunded",
        "return requested": "refund after return",
        "exchange requested": "refund after return",
    }.get(order.status, "not refunded")
    return Part(template=template, values=values)


def refusal_part(rule: str, subject: str) -> Part:
    """The rule of the shop that refuses a request."""
    return Part(template=f"refused {rule}", values={"subject": subject, "days": str(RETURN_DAYS)})


def confirmation(task: Task, order: OrderAccount | None, shop: ShopView) -> Part:
    """The question that names everything that a yes would change."""
    language, currency = shop.language, currency_of(order, shop)
    method = task.method
    values = {"order": task.order}
    if task.address is not None:
        values["address"] = field_by_field(task.address, language)
    if order is not None:
        by_sku = {piece.sku: piece for piece in order.pieces}
        pieces = [by_sku[sku] for sku in task.pieces if sku in by_sku]
        values["pieces"] = listed(pieces, order, shop.goods, language)
        values["total"] = money(order.total, currency)
        values["worth"] = money(sum(piece.price for piece in pieces), currency)
        method = method or (order.movements[0].method if order.movements else "")
    if task.new:
        values["new"] = COMMA[language].join(
            described(shop.goods[sku], shop.goods, language) for sku in task.new
        )
        values["difference"] = money(difference(task, order, shop), currency)
    values["method"] = paid_by(method, shop.customer, language)
    return Part(template=f"confirm {task.name}", values=values)


def currency_of(order: OrderAccount | None, shop: ShopView) -> str:
    """The currency of an order; that of the goods where the order does not say."""
    if order is not None and order.currency:
        return order.currency
    return next((variant.currency for variant in shop.goods.values()), "")


def money(amount: int, currency: str) -> str:
    """An amount in minor units as customers read it: "USD 12.50", or "12.50" without a currency."""
    sign = "-" if amount < 0 else ""
    if not currency:
        return f"{sign}{abs(amount) // 100:,}.{abs(amount) % 100:02}"
    return f"{sign}{format_money(abs(amount), currency)}"


def difference(task: Task, order: OrderAccount | None, shop: ShopView) -> int:
    """What the new pieces cost more than the old ones, by the rules of the shop."""
    _, after = perform(request_of(task, order), shop.customer, order, shop.goods)
    if order is None or after is None:
        return 0
    if after.after_sales is not None:
        return after.after_sales.difference
    return after.total - order.total


def _result_part(decided: Decided, result: ChangeOutcome) -> Part:
    assert decided.request is not None
    order = getattr(decided.request, "order", "")
    if result.outcome == "refused":
        return refusal_part(result.rule, order or result.rule)
    if result.outcome == "waiting":
        return Part(template="waiting")
    return Part(template=f"done {decided.reason}", values={"order": order})


def _awaited(decided: Decided, result: ChangeOutcome) -> tuple[AwaitedChange, ...]:
    """The change of this turn, if its result will be reported in a later one."""
    if result.outcome != "waiting":
        return ()
    order = getattr(decided.request, "order", "")
    return (AwaitedChange(change=result.change, task=decided.reason, order=order),)


def _in_words(values: Mapping[str, str], language: Language) -> dict[str, str]:
    return {
        name: _table(WORDS_FOR[name], language).get(value, value) if name in WORDS_FOR else value
        for name, value in values.items()
    }


@cache
def _table(kind: str, language: Language) -> dict[str, str]:
    tables: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(TEMPLATES.read_text("utf-8"))
    return tables[kind][language]
