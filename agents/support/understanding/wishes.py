"""The wishes of a message, each with the order that it names: "cancel A and where is B" are two.

A message is cut into clauses and at words such as "and", and before another order. Only a part that asks makes a
wish: see `roles.py`. What the others tell belongs to the wish about the same goods, or else to the one beside
it. A part that names an order and nothing else means what the part before it means: "cancel A and B".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agents.shop.accounts import PostalAddress
from agents.shop.catalogue import catalogue
from agents.support.models import Intent, IntentName, Language, Wish
from agents.support.understanding.exclusions import is_refused, meant, names_something
from agents.support.understanding.names import kind, names_goods, names_in, names_of
from agents.support.understanding.roles import Role, asking, clauses, is_clause
from agents.support.understanding.roles import role as role_of
from agents.support.understanding.slots import HAN, ORDER, addresses, slots, without_names

Classify = Callable[[str], Sequence[Intent]]
"""The intents that a text can have, the most probable first."""
Aside = tuple[str, Role]
"""A part that does not say what is wanted."""

PARTS = re.compile(
    r"(?:(?<!\d)[.!?;。！？；\n]+|[.!?;。！？；\n]+(?!\d))(?: ?(?:apart from that|one more thing|and besides)[,:])?"
    r"|,? (?:and then|and also|and(?! not\b)|also|plus|besides),? "
    r"|，?(?:[再还]有一件事[，：]?|另外(?!一?[张个件双台只副条款种])|然后|还有|顺便|同时|并且|(?<![不别])再(?!次|说|也))",
    re.IGNORECASE,
)
LISTED = re.compile(r"([,，、&/+]|和|跟|与|以及)")
COMMA = re.compile(r"[,，]|" + PARTS.pattern, re.IGNORECASE)
BEGIN = re.compile(rf"^(?:\s|{LISTED.pattern})+")
# "No, I would rather return it": what follows a no is a wish of its own.
NO_FIRST = re.compile(
    r"^\W*(?:no|nope|nah|never ?mind|forget (?:it|that)|leave it|(?:h?m+,? |oh,? |well,? )*(?:actually|wait|stop))\b"
    r"|^\W*(?:算了|不用|不要|不了|不需要|别|等等|还是)",
    re.IGNORECASE,
)
MOST_PARTS = 8  # that are classified: each costs some 30 ms
# From here on a part of a message counts as a wish of its own: it is then right more often than wrong.
CONFIDENT: Mapping[Language, float] = {"en": 0.44, "zh": 0.53}
ASIDE = {"greeting", "thanks", "goodbye", "affirm", "deny", "repeat", "bot", "out_of_scope"}
CHANGES_GOODS = {"cancel_order", "return_items", "exchange_items", "modify_items"}
GUESS = 0.05  # the probability from which on a clause about goods may be a wish, where another wish follows
OF_GOODS = 0.3  # the probability from which on a part about other goods than before is a wish
ALIKE = ({"exchange_items", "modify_items"}, {"modify_order_address", "modify_customer_address"})
"""Wishes that the order or the address tells apart, and not the words."""
WORDS = re.compile(r"[^\W\d_]{2}|[\u4e00-\u9fff]")
# A part that is no sentence of its own, such as "the bottle from B" or "B的水杯".
NO_SENTENCE = re.compile(
    rf"^[\s,]*(?:(?:and|also|the|my|this|that|these|those|orders?|number|from|of|for|in|all|everything|both)\b"
    rf"|{ORDER.pattern}|订单|单号)",
    re.IGNORECASE | re.ASCII,
)
NO_WISH = re.compile(r"^[\s,]*(?:and )?(?:the |a )?ones? (?:with|in|of|that)\b", re.IGNORECASE)
# Goods without a word that asks are what is wanted with the goods before: "return the lamp and the mug".
ASKS = re.compile(
    r"[?？]|\b(?:what|which|how|do|does|is|are|have|has|sell|stock|cost|price|available|options?|tell|know|about)\b"
    r"|吗|呢|多少|什么|哪|几|有没有|价|卖|有",
    re.IGNORECASE,
)
PAYS = re.compile(
    r"\b(?:pay|paying|payment|charge|bill|use|using|change|switch|put)\b"
    r"|\b(?:take|deduct|draw)\b.{0,25}\bfrom\b|付|改|换|用|支付|刷",
    re.IGNORECASE,
)
BALANCE = re.compile(
    r"\b(?:balance|left|much|check|worth|redeem|use)\b|余额|多少|还有|剩|查|用", re.IGNORECASE
)
SHIPS = re.compile(
    rf"{ASKS.pattern}|\b(?:where|when|arriv|deliver|ship|track|parcel|package|late|wait|status|come|here|got|receive)"
    r"|到|发|物流|快递|运|收|送|状态|进度|等",
    re.IGNORECASE,
)
MONEY = re.compile(
    r"\b(?:money|refund|paid|pay|credit|reimburs|cash|amount|back on|difference|how much|balance)\w*"
    r"|钱|款|退|差价|到账",
    re.IGNORECASE,
)
BESIDE = {
    "product": ASKS, "modify_payment": PAYS, "gift_card": BALANCE, "order_contents": ASKS, "order_status": SHIPS,
    "refund_status": MONEY,
}  # fmt: skip
"""What is a wish of its own only with such words: "return the lamp and the mug", "one in red and L, by PayPal"."""
# Words beside a name that say nothing of what is wanted: "the other one, C300".
BESIDES_NAMES = re.compile(
    r"\b(?:and|also|too|as well|please|orders?|number|the|my|other|one|it'?s|it is|that|this|for|from|of|in|wait|no"
    r"|not|i mean|i meant|actually|instead|sorry|rather|oh)\b"
    r"|订单号?|单号|也|还有|是|那个|另一个|另外|还|和|请|不|对|的|吧",
    re.IGNORECASE,
)
NEXT = re.compile(
    r"^\W*(?:second(?:ly)?|third(?:ly)?|next|finally|lastly)\b(?=\W*[,:，、]|\W*$)|^\W*(?:第[二三四](?:件事)?|其次|再就是|最后)(?=[,，:：、])",
    re.IGNORECASE,
)
SPACE = " \t\n,，、.。;；:："
MARK = "\ue000"  # stands for an address while a message is cut: an address has commas and points of its own


@dataclass(slots=True)
class _Draft:
    """A wish while its parts are collected; `name` is None until a part says what is wanted.

    `likely` are the intents that the part which says so can have, or else its first part.
    """

    name: IntentName | None
    texts: list[str]
    orders: set[str] = field(default_factory=set)
    likely: Sequence[Intent] = ()


def has_words(text: str) -> bool:
    """Whether the text has words besides names, such as the number of an order."""
    return WORDS.search(without_names(text)) is not None


def has_only_names(text: str) -> bool:
    """Whether the text names orders and says nothing of what is wanted with them."""
    rest = BESIDES_NAMES.sub(" ", ORDER.sub(" ", text))
    return ORDER.search(text) is not None and re.search(r"\w", rest) is None


def parts(text: str) -> list[str]:
    """The parts of a message that can be wishes of their own; one for a message that is not cut."""
    return [part for part, _ in parts_with_roles(text)]


def parts_with_roles(text: str) -> list[tuple[str, Role]]:
    """The parts of a message, each with what it is for; where nothing asks, all parts do."""
    found: list[tuple[str, Role]] = []
    visible, marks = meant(text), list(PARTS.finditer(text))
    for begin, end, role in _runs(text):
        inside = [m for m in marks if begin < m.end() and m.start() < end]
        place = begin
        for mark in (*inside, None):
            start, place = place, min(mark.end(), end) if mark else end
            stop = max(start, mark.start()) if mark else end
            for part in _listed(text[start:stop], visible[start:stop]):
                short = len(part.strip()) <= 3 and not ORDER.search(part)
                if short and found:
                    found[-1] = (f"{found[-1][0]} {part}", found[-1][1])
                elif part.strip():
                    found.append((part.strip(), role))
    roles = asking([role for _, role in found])
    return [(part, role) for (part, _), role in zip(found, roles, strict=True)]


def _runs(text: str) -> list[tuple[int, int, Role]]:
    """The clauses of a text; those of one role with only a comma between them are one, unless each names goods."""
    found: list[tuple[int, int, Role]] = []
    for clause in clauses(text):
        begin, end, role = found[-1] if found else (0, 0, "asks")
        goods = [
            names_goods(part, catalogue().values())
            for part in (text[begin:end], text[clause.begin : clause.end])
        ]
        if (
            found
            and role == clause.role
            and text[end : clause.begin].strip() in {",", "，"}
            and not all(goods)
        ):
            found[-1] = (begin, clause.end, role)
        else:
            found.append((clause.begin, clause.end, clause.role))
    return found


def asked(text: str) -> str:
    """What the message asks for, without what it tells and keeps; the message itself if it is not cut."""
    runs = _runs(text)
    some = [text[begin:end].strip(SPACE) for begin, end, role in runs if role == "asks"]
    return ("。" if HAN.search(text) else ". ").join(some) if 0 < len(some) < len(runs) else text


def _listed(text: str, visible: str) -> list[str]:
    """The text cut at commas before an order that is not the first one in its part."""
    found, begin, place = list[str](), 0, 0
    for comma in (*LISTED.finditer(text), None):
        stop = comma.start() if comma else len(text)
        if ORDER.search(visible[begin:place]) and ORDER.search(visible[place:stop]):
            found.append(text[begin:place])
            begin = place
        place = stop
    return [BEGIN.sub("", part).strip() for part in (*found, text[begin:])]


def parts_in_question(text: str) -> list[str]:
    """The parts whose intents count beside that of the whole; none for a message of one part."""
    rest, _ = addresses(text, MARK)
    several = parts_with_roles(rest)
    found = [part for part, role in several if role == "asks" or ORDER.search(part)]
    found = found if len(several) > 1 else []
    if ORDER.search(rest) or NO_FIRST.match(rest):
        found = [*found, *(part for part in COMMA.split(rest) if part not in found)]
    wanted = [part for part in found if has_words(part) and part != rest and not is_refused(part)]
    return list(dict.fromkeys(wanted))[:MOST_PARTS]


def _is_named_beside(found: Intent, part: str) -> bool:
    """Whether the part only names what belongs to another wish: ", by PayPal" is no payment to be changed."""
    return found.name in BESIDE and not BESIDE[found.name].search(part)


def wish_beside(text: str, classify: Classify) -> Intent | None:
    """What a message that names an order wants, if it reads like thanks or a greeting as a whole."""
    known = [(classify(part)[0], part) for part in parts_in_question(text)]
    wanted = [
        one
        for one, part in known
        if is_wish(one, part) and not _is_stated(one, part) and not _is_named_beside(one, part)
    ]
    return max(wanted, key=lambda one: one.confidence, default=None)


def with_question(text: str, classify: Classify) -> tuple[Wish, ...]:
    """A wish that names an order, and a question about the rules: "cancel A, is there a fee?"; else nothing."""
    if not ORDER.search(text) or len(split := COMMA.split(text)) != 2:
        return ()
    known = [part for part in split if part in parts_in_question(text)]
    found = [(classify(part)[0], part.strip()) for part in known]
    questions = [one.name == "knowledge" and not ORDER.search(part) for one, part in found]
    wanted = [is_wish(one, part) and bool(ORDER.search(part)) for one, part in found]
    if len(found) != 2 or sum(questions) != 1 or sum(wanted) != 1:
        return ()
    return tuple(
        Wish(name=one.name, text=text if one.name == "knowledge" else part, slots=slots(part))
        for one, part in found
    )


def is_wish(found: Intent, part: str) -> bool:
    """Whether what was found in a part of a message counts as a wish."""
    language: Language = "zh" if HAN.search(part) else "en"
    return found.name not in ASIDE and found.confidence >= CONFIDENT[language]


def wishes(text: str, classify: Classify) -> tuple[Wish, ...]:
    """The wishes in their order, if there are several; a wish that is not clear is out of scope."""
    rest, named = addresses(text, MARK)
    drafts = _drafts(rest, classify)
    if len(drafts) < 2:
        return ()
    return tuple(_wish(draft, named) for draft in drafts)


def _same(one: IntentName | None, other: IntentName | None) -> bool:
    return one == other or any({one, other} <= alike for alike in ALIKE)


def _wish(draft: _Draft, named: Sequence[PostalAddress]) -> Wish:
    said = " , ".join(draft.texts)
    marks = [named[ord(c) - ord(MARK)] for c in said if 0 <= ord(c) - ord(MARK) < len(named)]
    address = marks[0] if marks else named[0] if len(named) == 1 else None
    text = "".join(" " if 0 <= ord(c) - ord(MARK) < len(named) else c for c in said)
    found = slots(text).model_copy(update={"address": address})
    likely = tuple(one for one in draft.likely if one.name not in ASIDE)
    return Wish(name=draft.name or "out_of_scope", text=text, slots=found, likely=likely)


def _drafts(text: str, classify: Classify) -> list[_Draft]:
    """The wishes that the parts ask for; what is said before the first of them belongs to it."""
    drafts, asides = list[_Draft](), list[Aside]()
    visible, place = meant(text), 0
    several = parts_with_roles(text)
    known = {part: classify(part) for part in parts_in_question(text)}
    for part, role in several if len(several) > 1 else []:
        begin = text.find(part, place)
        place = begin + len(part) if begin >= 0 else place
        if role != "asks" and not (role == "tells" and _is_named_wish(part, known)):
            asides += [(part, role)] * (role == "tells")
            continue
        seen = visible[begin:place] if begin >= 0 else meant(part)
        orders = set(ORDER.findall(seen))
        name = _name(part, orders, known.get(part, ()), drafts)
        if name is None and drafts and not orders and _comes_before(drafts[-1], part):
            asides.append((part, role))
            continue
        about = " ".join([*(text for text, _ in asides), part])
        if (
            not drafts
            or _begins(drafts[-1], name, orders, about)
            or _is_other_swap(drafts[-1], name, part)
        ):
            texts = [*_split(asides, drafts, part), part]
            drafts.append(_Draft(name, texts, orders, known.get(part, ())))
        else:
            last = drafts[-1]
            last.texts += [*(text for text, _ in asides), part]
            if last.name is None and name is not None:
                last.name, last.likely = name, known.get(part, ())
            last.orders |= orders
        asides = []
    if drafts:
        drafts[-1].texts += [part for part, _ in asides]
    return _all_named(drafts)


def _is_named_wish(part: str, known: Mapping[str, Sequence[Intent]]) -> bool:
    """Whether a part that tells names an order, and is a wish nevertheless: "you owe me the refund of A"."""
    found = known.get(part, ())
    if not found or not ORDER.search(part):
        return False
    return is_wish(found[0], part) and not _is_stated(found[0], part)


def _is_stated(found: Intent, part: str) -> bool:
    """Whether a part states how it is with an order, and does not ask: "A is not packed yet"."""
    return found.name == "order_status" and role_of(part) == "tells"


def _split(asides: Sequence[Aside], drafts: Sequence[_Draft], part: str) -> list[str]:
    """What is said between two wishes and belongs to the second; what names no goods stays with the first.

    What asks and says not what for belongs to the second only if that names no goods: "... so cancel it. One of
    the mugs leaks, send it back".
    """
    ways: set[Role] = {"tells"} if names_something(part) else {"tells", "asks"}
    some = enumerate(asides)
    first = next(
        (n for n, (t, r) in some if NEXT.match(t) or (r in ways and names_something(t))),
        len(asides),
    )
    texts = [text for text, _ in asides]
    if drafts:
        drafts[-1].texts += texts[:first]
        return texts[first:]
    return texts


def _is_of_others(last: _Draft, part: str) -> bool:
    """Whether a part names other goods than those of the wish before it."""
    before, now = kinds_in(" ".join(last.texts)), kinds_in(part)
    return bool(now) and (bool(before) or bool(last.orders)) and before.isdisjoint(now)


def _begins(last: _Draft, name: IntentName | None, orders: set[str], about: str) -> bool:
    """Whether a part begins another wish; one that was only guessed counts if this is about other goods."""
    if last.name is None and name is not None and _is_of_others(last, about):
        last.name = _guess(last)
    other_wish = name is not None and last.name is not None and not _same(name, last.name)
    return other_wish or bool(orders and last.orders and not orders <= last.orders)


def _comes_before(last: _Draft, part: str) -> bool:
    """Whether a part that does not say what is wanted comes before another wish, and does not end the last one."""
    if NEXT.match(part):
        return True
    return is_clause(part) and _is_of_others(last, part)


def _guess(draft: _Draft) -> IntentName | None:
    """What a clause about goods wants at best, if that is not clear enough."""
    tasks = [one for one in draft.likely if one.name in CHANGES_GOODS and one.confidence >= GUESS]
    return tasks[0].name if tasks and is_clause(draft.texts[-1]) else None


def _is_other_swap(last: _Draft, name: IntentName | None, part: str) -> bool:
    """Whether other goods are replaced than before: what they are replaced by differs, too."""
    return {name, last.name} <= ALIKE[0] and not last.orders and _is_of_others(last, part)


def kinds_in(text: str) -> set[str]:
    """The products that the text names."""
    goods = catalogue().values()
    by_name: dict[str, set[str]] = {}
    for variant in goods:
        for name in names_of(variant):
            by_name.setdefault(name, set()).add(variant.product)
            by_name.setdefault(kind(name), set()).add(variant.product)
    return {product for name in names_in(text, by_name) for product in by_name[name]}


def _name(
    part: str, orders: set[str], likely: Sequence[Intent], drafts: Sequence[_Draft]
) -> IntentName | None:
    """What the part asks for; out of scope if it names an order and does not say what for."""
    if has_only_names(part) or NO_WISH.match(part) or is_refused(part):
        return None
    if likely and not _is_named_beside(likely[0], part) and is_wish(likely[0], part):
        return likely[0].name
    if likely and drafts and is_clause(part) and _is_of_others(drafts[-1], part):
        # A wish about other goods than before, as it seems; the account tells more of it.
        goods = [one.name for one in likely if one.name in CHANGES_GOODS]
        sure = [one for one in likely if one.name in CHANGES_GOODS and one.confidence >= OF_GOODS]
        if goods and sure:
            return goods[0]
    if likely and _is_named_beside(likely[0], part):
        return None
    if not orders or not has_words(part) or NO_SENTENCE.match(part):
        return None
    return "out_of_scope"


def _all_named(drafts: list[_Draft]) -> list[_Draft]:
    """A draft without a name means what the one before it means, or else the one after it."""
    for before, draft in pairwise(drafts):
        draft.name = draft.name or before.name
    for after, draft in pairwise(reversed(drafts)):
        draft.name = draft.name or after.name
    return drafts
