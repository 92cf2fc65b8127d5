"""What shall replace pieces of an order: another variant of the same product, as the text describes it.

What is not said stays as it was: of the variants that fit, those that are most like the old piece.
"""

import re
from collections.abc import Mapping, Sequence

from agents.shop.accounts import OrderAccount, Piece, Variant
from agents.support.dialogue.choosing import Candidate, Replaced, candidate, narrowed
from agents.support.dialogue.goods import named_pieces
from agents.support.dialogue.wording import COMMA
from agents.support.models import Language, Part, Slots, Task
from agents.support.understanding.names import option
from agents.support.understanding.options import Option, said_of_options

VERB = r"(?:exchange|change|swap|modify|return|have|get|replace|order|my|#)"
NEW = re.compile(
    rf"\b(?:for|to|into|against|with|becomes?)\b(?! {VERB})|换成|换为|改成|改为|变成|换个|换一|想要",
    re.IGNORECASE,
)  # what comes after it is wanted instead
# A piece that is broken is exchanged for another one like it.
SAME = re.compile(
    r"\bthe (?:very |exact )?same(?: (?:one|item|thing|again|product))?\s*(?:[.!,]|please|$)"
    r"|\b(?:an?|another) (?:new|identical|fresh|working|good|undamaged) (?:one|pair)\b"
    r"|同样的一|一模一样|同款(?:新|的)|新的?一[个件台双]|换[个一]*[好新]的",
    re.IGNORECASE,
)
BROKEN = re.compile(
    r"\b(?:broken?|damaged|defect(?:ive)?|faulty|crack(?:ed)?|torn|ripped|dented?|scratch(?:ed|es)?|leak(?:s|ing|y)?"
    r"|smashed|shattered|dead|(?:does|did|do|is|are|was|has)(?:n'?t| not) (?:work|turn on|charg|start)(?:e|ing)?"
    r"|stopped working|won'?t (?:turn on|work|start|charge))\b"
    r"|坏|破|裂|碎|漏|瑕疵|划痕|质量问题|用不了|不能用|开不了机|不亮|没反应|失灵",
    re.IGNORECASE,
)
SIDES = re.compile(
    r"[,，、.。;；:：\n]+(?:\s*and\b)?|\band\b|和"
)  # between what is swapped and what is swapped next
MOST_CHOICES = 5


def new_pieces(
    task: Task, order: OrderAccount, named: Slots, text: str, goods: Mapping[str, Variant]
) -> tuple[str, ...]:
    """One SKU for each piece, by SKU or as the text describes it; nothing unless all of them are clear.

    Where something was chosen before, what is not said stays as it was there: "make it L rather".
    """
    mine = {piece.sku: piece for piece in order.pieces}
    wanted = _wanted_for(order, task.pieces, text, goods)
    before = (
        dict(zip(task.pieces, task.new, strict=False)) if len(task.new) == len(task.pieces) else {}
    )
    new = []
    for sku in task.pieces:
        chosen = [v for v in variants_of(mine[sku], goods) if v.sku in named.skus]
        like = goods.get(before.get(sku, sku))
        described = fitting(mine[sku], wanted[sku], goods, like)
        again = sku in named.skus or _is_same(wanted[sku], text)
        same = goods.get(sku) if again and task.name == "exchange_items" else None
        if not chosen and described is None and same is not None and same.available:
            chosen = [same]
        chosen = chosen or described or []
        if len(chosen) != 1:
            return ()
        new.append(chosen[0].sku)
    return tuple(new)


def choices(
    task: Task, order: OrderAccount, text: str, goods: Mapping[str, Variant]
) -> list[Variant]:
    """What can replace the first piece and fits the text, or all that can if nothing does; the cheapest first."""
    piece = next(p for p in order.pieces if p.sku in task.pieces)
    left = fitting(piece, _wanted_for(order, task.pieces, text, goods)[piece.sku], goods)
    some = left or variants_of(piece, goods)
    return sorted(some, key=lambda variant: (variant.price, variant.sku))[:MOST_CHOICES]


def why_nothing_fits(
    task: Task,
    order: OrderAccount,
    text: str,
    goods: Mapping[str, Variant],
    language: Language,
) -> Part | None:
    """What to say where the text describes what there is not: "not available in red, M"."""
    piece = next(p for p in order.pieces if p.sku in task.pieces)
    wanted = _wanted_for(order, task.pieces, text, goods)[piece.sku]
    if fitting(piece, wanted, goods) != []:
        return None
    said = [one for one in said_of_options(wanted, _known(piece, goods)) if not one.denied]
    values = dict.fromkeys(
        option(value, language) for one in said for _, value in sorted(one.options)[:1]
    )
    name = goods[piece.sku].names.get(language, piece.name) if piece.sku in goods else piece.name
    found = {"name": name, "value": COMMA[language].join(values)}
    return Part(template="no such option", values=found) if values else None


def fitting(
    piece: Piece, text: str, goods: Mapping[str, Variant], like: Variant | None = None
) -> list[Variant] | None:
    """The variants that the text describes, of these the most like what was chosen, or else like the piece.

    None if it describes none.
    """
    variants = {v.sku: v for v in variants_of(piece, goods)}
    old = goods.get(piece.sku)
    marked = NEW.search(text)
    since = marked.end() if marked is not None else 0
    replaced = Replaced(candidate(old, piece.price), since) if old is not None else None
    left = narrowed(text, [candidate(v) for v in variants.values()], _known(piece, goods), replaced)
    if left is None:
        return None
    return [variants[one.key] for one in _most_like(like or old, left)]


def variants_of(piece: Piece, goods: Mapping[str, Variant]) -> list[Variant]:
    """The other variants of its product that are available."""
    return [
        v
        for v in goods.values()
        if v.product == piece.product and v.available and v.sku != piece.sku
    ]


def _most_like(old: Variant | None, left: Sequence[Candidate]) -> list[Candidate]:
    if old is None or not left:
        return list(left)
    alike = [sum(one.options.get(k) == x for k, x in old.options.items()) for one in left]
    return [one for one, n in zip(left, alike, strict=True) if n == max(alike)]


def _known(piece: Piece, goods: Mapping[str, Variant]) -> frozenset[Option]:
    return frozenset(
        one for v in goods.values() if v.product == piece.product for one in v.options.items()
    )


def _is_same(wanted: str, text: str) -> bool:
    """Whether another one of the same is wanted; without a word about it that is so for what is broken."""
    return SAME.search(NEW.split(wanted, maxsplit=1)[-1]) is not None or (
        NEW.search(text) is None and BROKEN.search(text) is not None
    )


def _wanted_for(
    order: OrderAccount, pieces: Sequence[str], text: str, goods: Mapping[str, Variant]
) -> dict[str, str]:
    """The part of the text that says what each piece is replaced by: "the lamp for a red one and the mug for ..."."""
    if swaps := swaps_in(text, order, pieces, goods):
        return {sku: swaps.get(sku, "") for sku in pieces}
    places = sorted(named_pieces(order, text, goods).values())
    if len(set(pieces)) > 1 and not places:
        return dict.fromkeys(pieces, text)  # "one in blue and one with a battery"
    if len(set(pieces)) < 2 or len(places) < 2 or len(NEW.findall(text)) < 2:
        return dict.fromkeys(pieces, text)
    ends = [*(begin for (begin, _), _ in places[1:]), len(text)]
    parts = {
        sku: text[span[0] : end]
        for (span, skus), end in zip(places, ends, strict=True)
        for sku in skus
    }
    return {sku: parts.get(sku, "") for sku in pieces}


def swaps_in(
    text: str, order: OrderAccount, pieces: Sequence[str], goods: Mapping[str, Variant]
) -> dict[str, str]:
    """What each piece that the text tells apart by its options is replaced by: "the M for an L, the S for an M".

    Of the `pieces`, or of the order where there are none. "A red one for the blue one" says it the other way round;
    one piece alone needs no telling apart. Nothing if the text swaps fewer.
    """
    among = list(dict.fromkeys(pieces or [piece.sku for piece in order.pieces]))
    found: dict[str, str] = {}
    for old, new in _both_sides(text):
        if (sku := _told_apart(old, order, among, goods)) is not None:
            found[sku] = new
        elif (sku := _told_apart(new, order, among, goods)) is not None:
            found[sku] = old
    return found if len(found) > 1 else {}


def _both_sides(text: str) -> list[tuple[str, str]]:
    """What stands before and after each word such as "for", up to the clause of the next one."""
    marks, begins = list[re.Match[str]](), list[int]()
    for mark in NEW.finditer(text):
        since = marks[-1].end() if marks else 0
        joints = [joint.end() for joint in SIDES.finditer(text, since, mark.start())]
        if joints or not marks:  # "for one with a zip" is one swap
            marks.append(mark)
            begins.append(joints[-1] if joints else 0)
    ends = [*begins[1:], len(text)] if marks else []
    return [
        (text[begin : mark.start()], text[mark.end() : end])
        for mark, begin, end in zip(marks, begins, ends, strict=True)
    ]


def _told_apart(
    text: str, order: OrderAccount, among: Sequence[str], goods: Mapping[str, Variant]
) -> str | None:
    """The only piece that has all options in the text; None if it is not one."""
    mine = [piece for piece in order.pieces if piece.sku in among and piece.sku in goods]
    known = frozenset(one for piece in mine for one in _known(piece, goods))
    words = said_of_options(text, known)
    named = {sku for _, some in named_pieces(order, text, goods).values() for sku in some}
    fits = {
        piece.sku
        for piece in mine
        if all(word.fits(goods[piece.sku].options) for word in words)
        and (piece.sku in named or (words and not named))
    }
    return fits.pop() if len(fits) == 1 else None
