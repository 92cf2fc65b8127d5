"""Which goods a text names: by SKU, by their whole name in any script, or else by its last English word.

The longest name is read first, so that "laptop bag" is not also a laptop. What fits several pieces is unclear
and is asked for.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from agents.shop.accounts import OrderAccount
from agents.support.understanding.names import Span, folded, kind, names_in
from agents.support.understanding.slots import SKU

ONLY_ONE = re.compile(
    r"\b(?:it|this|that|the item|this one)\b|它|这个|这件|那个|那件|这东西", re.IGNORECASE
)
HOW_MANY = re.compile(
    r"(?P<all>\ball|全部|所有)?\W*(?P<count>(?<!\w)\d{1,2}|\b(?:one|both|two|three|four|five)|[一两二三四五])?"
    r"(?:\W*(?:of|the|my|these|those|pieces?|[\u4e00-\u9fff]))?(?:\W*(?:the|my|these|those))?\W*$",
    re.IGNORECASE,
)
COUNTS = {
    "one": 1, "both": 2, "two": 2, "three": 3, "four": 4, "five": 5,
    "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Goods:
    """The SKUs that a text names, once for each piece; `unclear` if a name fits several of them."""

    skus: tuple[str, ...] = ()
    unclear: bool = False


def goods_named(order: OrderAccount, text: str) -> Goods:
    """The pieces of the order that the text names; "it" is the piece of an order that has one."""
    have = Counter(piece.sku for piece in order.pieces)
    found = [sku for sku in dict.fromkeys(SKU.findall(text)) if have[sku]]
    mine = {piece.name for piece in order.pieces}
    names = names_in(text, mine)
    names |= names_in(_without(text, names.values()), {kind(n) for n in mine if n not in names})
    unclear = False
    for name, (begin, end) in names.items():
        fitting = list(dict.fromkeys(p.sku for p in order.pieces if name in (p.name, kind(p.name))))
        if any(sku in found for sku in fitting):
            continue
        copies = _copies(text, (begin, end), have[fitting[0]]) if len(fitting) == 1 else 0
        unclear |= copies == 0
        found += fitting * copies
    if not found and not names and len(order.pieces) == 1 and ONLY_ONE.search(text):
        found = [order.pieces[0].sku]
    return Goods(tuple(found), unclear)


def _without(text: str, places: Iterable[Span]) -> str:
    letters = list(folded(text))
    for begin, end in places:
        letters[begin:end] = " " * (end - begin)
    return "".join(letters)


def _copies(text: str, place: Span, most: int) -> int:
    """How many copies of a piece are named; 0 if that cannot be."""
    if most == 1:
        return 1
    before = HOW_MANY.search(folded(text)[: place[0]])
    if before is None:
        return 1
    if before["count"]:
        count = COUNTS.get(before["count"]) or int(before["count"])
        return count if 0 < count <= most else 0
    several = before["all"] or folded(text)[slice(*place)].endswith("s")
    return most if several else 1
