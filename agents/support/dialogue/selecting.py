"""Which pieces of an order a text means, beside those that were chosen before, and which it leaves out.

Words for several of them, such as "both" or "the other one too", are read among the pieces in question: those that
were named, or else those of the same product as what was chosen, or else the whole order.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agents.shop.accounts import OrderAccount
from agents.support.dialogue.goods import (
    CLAUSE,
    COUNTS,
    GOES,
    PIECE_ZH,
    Goods,
    Named,
    count_of_them,
    goods_named,
    named_pieces,
    names_only_goods,
)
from agents.support.dialogue.replacing import NEW, swaps_in
from agents.support.models import Part, Slots, Task, TaskName
from agents.support.understanding.exclusions import is_correction, left_out, meant
from agents.support.understanding.names import names_goods
from agents.support.understanding.slots import ORDER, SKU
from agents.support.understanding.wishes import asked

SWAPS = frozenset[TaskName]({"exchange_items", "modify_items"})  # what replaces goods
ADDS = re.compile(
    r"\b(?:also|too|as well|in addition)\b|^\W*(?:and|plus)\b|也|还有|加上", re.IGNORECASE
)
# Goods that describe an order are not those that are meant: "the lamp from the order with the keyboard".
OF_AN_ORDER = re.compile(
    r"\b(?:one|order|purchase|parcel|package) (?:with|containing|that (?:has|had|contains)) (?:(?:the|a|an|my) )?"
    r"[\w-]+(?: (?!please)[\w-]+)?|[^，。,.；;！!\s]{1,12}?(?:那个订单|那一?[单笔]|的订单)(?:里面?|中)?的?",
    re.IGNORECASE,
)
PARTICLES = re.compile("[了的吧啊呀呢哈嘛]")
LETTERS = re.compile(r"[^\W\d_]")
REST = re.compile(
    r"\b(?:the rest|rest(?= (?:goes?|can|should) )|everything else|(?:all )?(?:the )?others?(?! (?:than|hand))"
    r"|remaining)\b"
    r"|剩下|其[他它余]|别的|余下",
    re.IGNORECASE,
)
# "台灯和水杯都退" is both of the goods that it names, not all goods of the order.
ALL_ZH = re.compile(r"全部|所有|整个订单|整单|其[他它余]|[A-Za-z]")


OTHER = re.compile(
    r"\b(?:the|my|that) other (?:ones?|pairs?|two|three)?\b"
    rf"|(?:另外?|剩下)的?[那一这]?[一两二三]?{PIECE_ZH}|[那这]边?另一{PIECE_ZH}",
    re.IGNORECASE,
)
SEVERAL = re.compile(r"\bothers\b|\bother (?:ones|pairs|two|three)\b|[两二三]", re.IGNORECASE)
TOO = re.compile(
    r"\b(?:too|also|as well|in addition|together|and|plus|both)\b|也|一起|一块|一并|加上|还有|都",
    re.IGNORECASE,
)
# "Both", "all three of them", "those two", 两个都, 就这俩: as many as there are in question.
AS_MANY = re.compile(
    r"\b(?P<both>both|the pair of them)\b"
    r"|\b(?:all|the|those|these|just|only|them) (?P<en>two|three|four)\b(?! (?:size|day|week|hour))"
    rf"|(?P<zh>[两二俩三仨四]){PIECE_ZH}?(?:\W*[都全一])(?!点|下|些)|(?:就|[这那])(?P<these>[两二俩三仨四]){PIECE_ZH}?(?![\u4e00-\u9fff]*[码号])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sides:
    """The goods that a text names to be chosen, and those that it leaves out; `out` is what it says of these."""

    some: Named
    without: Named
    out: str


def selected(
    task: Task, order: OrderAccount, named: Slots, text: str, goods: Goods
) -> tuple[tuple[str, ...], Part | None]:
    """The pieces that the text means, or else those of before, less those that it leaves out.

    None if that is not clear: a name fits several pieces, the text names some pieces and all of them, or
    it leaves out what is no piece of the order. And what the order does not have.
    """
    wanted = OF_AN_ORDER.sub(" ", meant(text)) if task.asked != "pieces" else meant(text)
    if _says_what_instead(task, order, text, goods):
        return task.pieces, None
    described, replaces = None, task.name in SWAPS
    if replaces and (task.asked != "pieces" or NEW.search(wanted)):
        described = NEW.split(wanted)[0] if NEW.search(wanted) else ""
    if replaces and (swaps := swaps_in(wanted, order, task.pieces, goods)):
        return tuple(piece.sku for piece in order.pieces if piece.sku in swaps), None
    some = _asked_for(order, text, goods) if not replaces else None
    some = some or goods_named(order, wanted, goods, described=described)
    if task.asked == "pieces":
        some = _plainly_named(order, wanted, goods) or some
    sides = _sides(order, named, text, some, goods)
    some, without = sides.some, sides.without
    why = some.why or without.why
    is_open = not replaces and not some.skus and (not some.unclear or OTHER.search(wanted))
    several = referred(order, task, wanted, goods) if is_open else None
    if several is not None:
        return several, None
    unknown = not replaces and _is_unknown(sides, named)
    if unknown and why is None and not without.unclear:
        why = Part(template="not in order", values={"order": order.order})
    everything = named.everything and not (some.skus and not ALL_ZH.search(ORDER.sub("", wanted)))
    both = everything and 0 < len(some.skus) < len(order.pieces)
    if some.unclear or without.unclear or both or unknown:
        return (), why
    every = tuple(piece.sku for piece in order.pieces)
    if (
        len(every) == 1
        and not some.skus
        and why is None
        and (task.pieces or replaces or not sides.out)
    ):
        is_other = not task.pieces and names_goods(wanted, goods.values())
        return (() if is_other else every), None
    before = _before(task, some, text)
    taken = every if everything else (*before, *(s for s in some.skus if s not in before))
    return _less(taken, some.skus, without.skus, every), why


def _asked_for(order: OrderAccount, text: str, goods: Goods) -> Named | None:
    """What the clauses that ask for something name, if that is clear; what others only tell of is not wanted."""
    part = asked(text)
    found = goods_named(order, meant(part), goods) if part != text else Named()
    return found if found.skus and not found.unclear and named_pieces(order, part, goods) else None


def _plainly_named(order: OrderAccount, text: str, goods: Goods) -> Named | None:
    """What the clauses that only name goods say: "both blue ones. The red one is my favourite"; None without any."""
    clauses = CLAUSE.split(text)
    plain = [clause for clause in clauses if clause.strip() and names_only_goods(clause, goods)]
    if not 0 < len(plain) < len(clauses):
        return None
    found = goods_named(order, " , ".join(plain), goods)
    return found if found.skus else None


def _sides(order: OrderAccount, named: Slots, text: str, some: Named, goods: Goods) -> Sides:
    out = left_out(text)
    without = goods_named(order, out, goods, every=True)
    if named.everything and some.skus and (rest := rest_of(meant(text))) is not None:
        others = goods_named(order, f"{rest} , {out}", goods, every=True)
        some, without = (Named(), others) if others.skus else (some, without)
    if named.everything and without.skus and not without.unclear:
        some = Named()  # "of all that I bought with the mug, everything except the mug"
    return Sides(some, without, out)


def _is_unknown(sides: Sides, named: Slots) -> bool:
    """Whether the text takes everything except for what the order does not have."""
    nothing = LETTERS.search(PARTICLES.sub("", ORDER.sub("", sides.out))) and not sides.without.skus
    return bool(nothing) and named.everything


def _before(task: Task, some: Named, text: str) -> tuple[str, ...]:
    """The pieces of before that still count."""
    before = task.pieces if not some.skus or ADDS.search(text) else ()
    if not some.skus and 0 < (count := count_of_them(text)) < len(before):
        return (
            before[:count] if len(set(before)) == 1 else ()
        )  # of different ones it is asked which
    return before


def _less(
    chosen: Sequence[str], named: Sequence[str], without: Sequence[str], every: Sequence[str]
) -> tuple[str, ...]:
    """What is chosen without what is left out; of two alike, one can be named and the other one left out."""
    have, left = Counter(every), Counter(without)
    for sku, copies in Counter(named).items():
        if copies < have[sku] and left[sku]:
            left[sku] = min(left[sku], have[sku] - copies) if Counter(chosen)[sku] > copies else 0
    kept = []
    for sku in chosen:
        left[sku] -= 1
        if left[sku] < 0:
            kept.append(sku)
    return tuple(kept)


def rest_of(text: str) -> str | None:
    """What a text names before it asks for the rest: "the lamp I need, the rest goes back"; None if it does not.

    Where the goods stand with a verb of their own, and the rest with none, the rest is not what is asked for.
    """
    found = REST.search(text)
    if found is None:
        return None
    begins = [mark.end() for mark in CLAUSE.finditer(text, 0, found.start())]
    ends = [mark.start() for mark in CLAUSE.finditer(text, found.end())]
    begin, end = (begins or [0])[-1], (ends or [len(text)])[0]
    others = f"{text[:begin]} , {text[end:]}"
    return others if GOES.search(text[begin:end]) or not GOES.search(others) else None


def _says_what_instead(task: Task, order: OrderAccount, text: str, goods: Goods) -> bool:
    """Whether the text only says what the pieces are replaced by, although the order has such goods as well."""
    if task.asked != "new" or is_correction(text) or NEW.search(text):
        return False
    named = {sku for _, skus in named_pieces(order, text, goods).values() for sku in skus}
    named |= set(SKU.findall(text))
    product = {piece.sku: piece.product for piece in order.pieces}
    replaced = {product[sku] for sku in task.pieces}
    return bool(named) and all(product.get(sku) in replaced for sku in named if sku in product)


def referred(order: OrderAccount, task: Task, text: str, goods: Goods) -> tuple[str, ...] | None:
    """The pieces that the text means so, none if they are not clear; None if it means none so."""
    many, other = AS_MANY.search(text), OTHER.search(text)
    if (many is None and other is None) or len(order.pieces) < 2:
        return None
    whole = Counter(piece.sku for piece in order.pieces)
    chosen = Counter(task.pieces)
    groups = [group for group in (_in_question(order, task, goods), whole) if chosen <= group]
    if other is not None and chosen:
        return _others(chosen, groups, text, is_several=bool(SEVERAL.search(other[0])))
    if many is None:
        return None
    count = 2 if many["both"] else COUNTS[(many["en"] or many["zh"] or many["these"]).lower()]
    if chosen.total() == count:
        return task.pieces
    fitting = [group for group in groups if group.total() == count]
    return tuple(fitting[0].elements()) if fitting else ()


def _in_question(order: OrderAccount, task: Task, goods: Goods) -> Counter[str]:
    """The pieces of which the customer speaks."""
    named = {sku for _, some in named_pieces(order, task.text, goods).values() for sku in some}
    products = {piece.product for piece in order.pieces if piece.sku in task.pieces}
    if products:
        named = {piece.sku for piece in order.pieces if piece.product in products}
    return Counter(piece.sku for piece in order.pieces if piece.sku in named)


def _others(
    chosen: Counter[str], groups: list[Counter[str]], text: str, *, is_several: bool
) -> tuple[str, ...]:
    """The pieces that were not chosen, beside those that were where the text adds them; none if not clear."""
    rest = next((left for group in groups if (left := group - chosen)), Counter[str]())
    if not rest or (rest.total() > 1 and not is_several):
        return ()
    both = chosen + rest if TOO.search(text) else rest
    return tuple(both.elements())
