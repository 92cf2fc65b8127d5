"""Which goods a text names: by SKU, by their whole name in any script, or else by its last English word.

The longest name is read first, so that "laptop bag" is not also a laptop. What fits several pieces is unclear
and is asked for.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from agents.shop.accounts import OrderAccount
from agents.support.understanding.slots import SKU

RUNS = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")
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

Span = tuple[int, int]


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
    names |= names_in(_without(text, names.values()), {_kind(n) for n in mine if n not in names})
    unclear = False
    for name, (begin, end) in names.items():
        fitting = list(
            dict.fromkeys(p.sku for p in order.pieces if name in (p.name, _kind(p.name)))
        )
        if any(sku in found for sku in fitting):
            continue
        copies = _copies(text, (begin, end), have[fitting[0]]) if len(fitting) == 1 else 0
        unclear |= copies == 0
        found += fitting * copies
    if not found and not names and len(order.pieces) == 1 and ONLY_ONE.search(text):
        found = [order.pieces[0].sku]
    return Goods(tuple(found), unclear)


def _without(text: str, places: Iterable[Span]) -> str:
    letters = list(_folded(text))
    for begin, end in places:
        letters[begin:end] = " " * (end - begin)
    return "".join(letters)


def _kind(name: str) -> str:
    """The last word of an English name, as people say it: the lamp is the desk lamp."""
    return name.rpartition(" ")[2] if name.isascii() else name


def names_in(text: str, names: Iterable[str]) -> dict[str, Span]:
    """The names that the text has, with their places: the longest first, none within another."""
    left, found = _folded(text), dict[str, Span]()
    for name in sorted(names, key=lambda name: (-len(name), name)):
        pattern = _pattern(name)
        if pattern is not None and (match := pattern.search(left)) is not None:
            found[name] = match.span()
            left = pattern.sub(lambda m: " " * len(m[0]), left)
    return found


def _copies(text: str, place: Span, most: int) -> int:
    """How many copies of a piece are named; 0 if that cannot be."""
    if most == 1:
        return 1
    before = HOW_MANY.search(_folded(text)[: place[0]])
    if before is None:
        return 1
    if before["count"]:
        count = COUNTS.get(before["count"]) or int(before["count"])
        return count if 0 < count <= most else 0
    several = before["all"] or _folded(text)[slice(*place)].endswith("s")
    return most if several else 1


@lru_cache(4_096)
def _pattern(name: str) -> re.Pattern[str] | None:
    """The runs of letters of the name, one after the other, in singular or plural; None without any."""
    runs = RUNS.findall(_folded(name))
    if not runs:
        return None
    return re.compile(r"[\W_]*".join(map(_run, runs)))


def _run(run: str) -> str:
    if not run.isascii():
        return re.escape(run)
    plural = r"(?:e?s)?" if len(run) > 2 else ""
    singular = run.removesuffix("s") if len(run) > 3 else run
    return rf"(?<![a-z0-9']){singular}{plural}(?![a-z0-9'])"


def _folded(text: str) -> str:
    """The text in small letters, as long as before."""
    return "".join(
        c.lower() if len(c.lower()) == 1 else c for c in unicodedata.normalize("NFKC", text)
    )
