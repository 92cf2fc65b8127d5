"""Which of the user's own orders a text describes: "my last order", "the second", "the one with the keyboard".

A description counts only if exactly one own order fits it. Numbers are looked up among the own orders: what
is neither one of them nor of their form, such as a size or a voucher, names no order.
"""

import re
import unicodedata
from dataclasses import dataclass

from agents.shop.contracts import OrderView
from agents.support.dialogue.choosing import costs, names_amount, sign_of_price
from agents.support.dialogue.forms import INFORMS, KINDS, NEEDS, ShopView, is_possible
from agents.support.dialogue.goods import named_pieces
from agents.support.dialogue.selecting import OF_AN_ORDER
from agents.support.models import Dialogue, IntentName, Slots, TaskName, Understood
from agents.support.understanding.consent import begins_with_no
from agents.support.understanding.exclusions import is_correction, left_out, meant
from agents.support.understanding.names import names_goods
from agents.support.understanding.options import said_of_options
from agents.support.understanding.slots import AMOUNT, LAST, addresses
from agents.support.understanding.slots import slots as slots_of

WORD = re.compile(
    r"(?<![\w$.-])#?([A-Za-z0-9](?:[A-Za-z0-9-]{1,62}[A-Za-z0-9]))(?![\w-]|\.\d)", re.ASCII
)
MOST_WORDS = 20  # of a text that are looked up
PLACES = (
    "first|1st|1|第一",
    "second|2nd|2|第二",
    "third|3rd|3|第三",
    "fourth|4th|4|第四",
    "fifth|5th|5|第五",
)
ALONE = tuple(
    re.compile(
        rf"^\W*(?:(?:it'?s|it is|i mean|是|就|要|选)\s*)?(?:the |number |no\.? ?)?(?:{words})(?: (?:one|order))?"
        r"(?:个|单|笔|条)?(?:订单)?(?:吧|的|,? please)?\W*$",
        re.IGNORECASE,
    )
    for words in PLACES
)
WITHIN = tuple(
    re.compile(
        rf"\bthe (?:{words.rsplit('|', 1)[0]}) (?:one|order)\b|{words.rsplit('|', 1)[1]}(?:个|单|笔|条)",
        re.IGNORECASE,
    )
    for words in PLACES
)
END = re.compile(
    r"\bthe last (?:one|of (?:these|those|them))\b|最后[一那]?[个单笔条]", re.IGNORECASE
)
BY_GOODS = re.compile(
    r"\b(?:one|order|purchase|parcel|package)\b (?:with|containing|that (?:has|had|contains)|i bought|for)\b"
    r"|(?:有|买|含|包含|带).{1,20}的?(?:那个|那一?[单笔]|订单)|(?:那一?[单笔]|那个(?!订单)|的订单)",
    re.IGNORECASE,
)
QUESTION = re.compile(
    r"[?？]|吗|呢|多少|什么|怎么|哪"
    r"|^\W*(?:(?:wait|hang on|hold on|hmm*|oh|ok(?:ay)?|and|but|so|also)\W+)*"
    r"(?:(?:how|what|when|where|who)'?s?|which|why|is|are|do|does|can|could)\b",
    re.IGNORECASE,
)


MARKED = re.compile(r"(?:\borders?|订单号?|单号|#)\W*(?:number|no|id|is|是|为)?\W*$", re.IGNORECASE)
ELSE = re.compile(
    r"(?:voucher|coupon|promo|code|discount|card|zip|postcode|size|model|优惠券|优惠码|折扣码|券|卡号?|尺码|邮编|型号)"
    r"\W*(?:code|number|no|is|是|为|号)?\W*$",
    re.IGNORECASE,
)
CLEAR = re.compile(
    r"[A-Za-z]{1,3}-?\d{3,}", re.ASCII
)  # the number of an order, also of another customer
MY = re.compile(r"\b(?:my|mine|i (?:bought|ordered|got|paid))\b|我", re.IGNORECASE)
SHORTEST = 4  # digits of a number that is an order only because it is called one


NOTHING = (0, 0)
AMONG = re.compile(
    r"\b(?:two|both|three|pairs|one of|the \w+er|more expensive|either|the other)\b"
    r"|两|三[个件副双只]|其中|那?个?[贵便]",
    re.IGNORECASE,
)
REFUNDED = {"cancelled", "return requested", "exchange requested"}
PENDING = {"pending", "pending (items modified)", "processed"}
ONE_ORDER = re.compile(
    r"\b(?:one|ones|order|purchase|parcel|package|pair|stuff)\b|[那这]一?[个单笔副件双台]|订单|的单|的\W*$",
    re.IGNORECASE,
)
# An order with one piece in it.
SINGLE = re.compile(
    r"\b(?:one|order|purchase|parcel|package)\b.{0,20}\b(?:just|only|a single|nothing but|one single)\b"
    r"(?: (?:one|a|the|my|single))* (?:item|thing|article|piece|product)?"
    r"|[只就][有买装]?[了着]?一[个件样]?(?:东西|商品)?的?[那这]?[一]?[单笔个]",
    re.IGNORECASE,
)
# Between the orders of one answer: "the one with the boots and the one with the tent".
PARTS = re.compile(r"[,，、.。;；!！\n]|\b(?:and|or|plus)\b|[和跟与或]|还[有是]|以及|再加上?")
STATES = (
    (
        re.compile(
            r"\b(?:(?:has|have|is|are|was|did|does|do)(?:n'?t| not)(?: yet| even)? (?:been )?"
            r"(?:ship|sen[dt]|dispatch|left|deliver|arriv|out)\w*"
            r"|not (?:yet )?(?:shipped|sent|dispatched|delivered)|un(?:shipped|sent)|pending"
            r"|(?:waiting|still|yet) to be"
            r"|still (?:being )?(?:prepar|pack)\w*)"
            r"|[没未]有?(?:发|寄|到)|待发",
            re.IGNORECASE,
        ),
        PENDING,
    ),
    (
        re.compile(
            r"\b(?:(?:has|have|is|was|already|just|got|that) (?:been )?(?:shipped|delivered|arrived|here|came)"
            r"|(?:i )?(?:have|already|just) (?:received|got))\b|收到的|到货的|到手的|已发货|已经?到",
            re.IGNORECASE,
        ),
        {"delivered", "return requested", "exchange requested"},
    ),
    (re.compile(r"\bcancell?ed (?:one|order)|取消(?:了|掉)?的那", re.IGNORECASE), {"cancelled"}),
)
"""Words for the state of an order -> the states that they stand for."""


@dataclass(frozen=True, slots=True)
class Described:
    """An order that a text describes; `unclear` if it describes one and not exactly one fits."""

    order: str = ""
    unclear: bool = False


def words_to_look_up(text: str) -> set[str]:
    """The words of a text that can be numbers of orders, as written, in capitals and in small letters."""
    words = [match[1] for match in _words(text)][:MOST_WORDS]
    return {form for word in words for form in (word, word.upper(), word.lower())}


def with_orders(
    text: str, understood: Understood, before: Dialogue, shop: ShopView
) -> tuple[Understood, Dialogue]:
    """What was understood, with the numbers of the own orders that the turn describes.

    The order that was named last is forgotten where the turn describes another one and it is not clear
    which.
    """
    unclear = False

    def resolved(text: str, slots: Slots, wanted: IntentName) -> Slots:
        nonlocal unclear
        slots = slots.model_copy(update={"orders": _named(text, slots, shop)})
        if slots.orders:
            return slots
        refused = shop.spelled(slots_of(left_out(text)).orders) if wanted in INFORMS else ()
        if len(refused) == 1 and refused[0] in shop.orders:  # "don't cancel A, where is it?"
            return slots.model_copy(update={"orders": refused})
        found = described(text, wanted, before, shop)
        unclear |= found.unclear
        return slots.model_copy(update={"orders": (found.order,)}) if found.order else slots

    wishes = tuple(
        wish.model_copy(update={"slots": resolved(wish.text, wish.slots, wish.name)})
        for wish in understood.wishes
    )
    slots = resolved(text, understood.slots, understood.best.name)
    understood = understood.model_copy(update={"slots": slots, "wishes": wishes})
    return understood, before.model_copy(update={"order": ""}) if unclear else before


def described(text: str, wanted: IntentName, before: Dialogue, shop: ShopView) -> Described:
    """The own order that the text describes by its place or its goods, or that is the only one."""
    whole = unicodedata.normalize("NFKC", text)
    text = meant(whole)
    if LAST.search(text) and shop.latest:
        return Described(shop.latest[0])
    awaited = before.task is not None and before.task.asked == "order"
    by_place = _by_place(text, before, shop) if before.task is None or awaited else None
    if awaited and by_place is None:
        by_place = _by_price(text, wanted, before, shop)
    return by_place or _by_features(whole, wanted, before, shop)


def orders_named(text: str, wanted: TaskName, shop: ShopView) -> dict[str, str]:
    """The own orders of which parts of the text name one each, with these parts."""
    found: dict[str, list[str]] = {}
    for part in map(meant, PARTS.split(text)):
        some = _with_features(part, wanted, shop)
        if len(some) == 1:
            found.setdefault(some[0], []).append(part)
    return {order: " , ".join(parts) for order, parts in found.items()}


def _by_place(text: str, before: Dialogue, shop: ShopView) -> Described | None:
    """The order at a place of the list just shown; None if the text names no place."""
    place = None if before.options else place_in(text)
    listed = sorted(filter(before.said.__contains__, shop.latest), key=before.said.index)
    if place is None or (before.task is None and len(listed) < 2):
        return None
    return Described(listed[place]) if place < len(listed) != 0 else Described(unclear=True)


def _by_price(text: str, wanted: IntentName, before: Dialogue, shop: ShopView) -> Described | None:
    """The dearest or the cheapest order of those that allow it; None if the text does not compare."""
    sign = sign_of_price(text)
    name = before.task.name if before.task is not None else wanted
    totals = {n: shop.orders[n].total for n in shop.latest if _allows(name, shop.orders[n])}
    if not sign or not totals:
        return None
    most = max(sign * total for total in totals.values())
    found = [n for n, total in totals.items() if sign * total == most]
    return Described(found[0]) if len(found) == 1 else Described(unclear=True)


def _by_features(whole: str, wanted: IntentName, before: Dialogue, shop: ShopView) -> Described:
    """The only own order with the goods, the state or the amount that the text names; or the only own order."""
    text, without = meant(whole), left_out(whole)
    asked = before.task.asked if before.task is not None else ""
    needs_one = "order" in NEEDS.get(wanted, ())  # type: ignore[arg-type]  # or another intent
    if asked == "order" and not needs_one and QUESTION.search(text):
        return Described()
    # "The order with the lamp, not the mug": the goods next to the word for it tell which order is meant.
    of_order = " , ".join(phrase[0] for phrase in OF_AN_ORDER.finditer(text))
    fitting = _with_features(of_order, wanted, shop) if of_order else []
    if len(fitting) != 1:
        fitting = _with_features(text, wanted, shop)
    # "Everything but the keyboard", "don't cancel the keyboard, has it left?"
    if not fitting and needs_one:
        fitting = _with_features(without, wanted, shop) or _of_state(whole, wanted, shop)
    is_one = Described(fitting[0]) if len(fitting) == 1 else Described(unclear=bool(fitting))
    if asked == "confirm" and len(fitting) == 1 and _corrects(whole, before, shop):
        return is_one
    if BY_GOODS.search(text) and asked in {"", "order", "confirm"}:
        return is_one if fitting else Described(unclear=names_goods(text, shop.goods.values()))
    begun = needs_one and (before.task is None or wanted in INFORMS)
    if not (asked == "order" or begun) or before.order in fitting:
        return Described()
    is_only = len(shop.latest) == 1 and needs_one and not before.order
    return Described(shop.latest[0]) if is_only and not fitting else is_one


def orders_like(text: str, shop: ShopView) -> list[str]:
    """The own orders that the text describes best, whatever is wanted of them."""
    return _with_features(text, "out_of_scope", shop)


def is_of_state(text: str) -> bool:
    """Whether the text describes goods or an order by its state: "the pair that's not sent yet"."""
    return any(words.search(text) for words, _ in STATES)


def _with_features(text: str, wanted: IntentName, shop: ShopView) -> list[str]:
    """The own orders that the text describes best: by goods and their options, by state, by amount."""
    goods = {name: _goods_in(text, shop.orders[name], shop) for name in shop.latest}
    most = max((found[:2] for found in goods.values()), default=NOTHING)
    left = [name for name in shop.latest if goods[name][:2] == most]
    of_state = [states for words, states in STATES if words.search(text)]
    for states in of_state:
        left = [name for name in left if shop.orders[name].status in states] or left
    if names_amount(text):
        left = [name for name in left if costs(shop.orders[name].total, text)]
    is_single = SINGLE.search(text) is not None
    if is_single:
        left = [name for name in left if len(shop.orders[name].pieces) == 1] or left
    left = [name for name in left if _allows(wanted, shop.orders[name])] or left
    left = [name for name in left if goods[name][2]] or left
    is_described = (
        most > NOTHING
        or names_amount(text)
        or is_single
        or (bool(of_state) and ONE_ORDER.search(text))
    )
    return left if is_described else []


def _corrects(text: str, before: Dialogue, shop: ShopView) -> bool:
    """Whether the text corrects the order of the task: "no, I meant the speaker", which that order does not have."""
    order = shop.orders.get(before.task.order) if before.task is not None else None
    corrects = is_correction(text) or begins_with_no(text)
    return corrects and order is not None and not named_pieces(order, meant(text), shop.goods)


def _of_state(text: str, wanted: IntentName, shop: ShopView) -> list[str]:
    """The own orders that the text describes by their state alone: "the one that is still to be packed"."""
    is_told = ONE_ORDER.search(text) and any(words.search(text) for words, _ in STATES)
    return _with_features(text, wanted, shop) if is_told else []


def _goods_in(text: str, order: OrderView, shop: ShopView) -> tuple[int, int, bool]:
    """How many goods of the order the text names, how many words about options fit, and whether it has several.

    Several count where the text chooses among them: "the cheaper pair", "one of the two".
    """
    named = named_pieces(order, text, shop.goods)
    skus = {sku for _, some in named.values() for sku in some if sku in shop.goods}
    options = [shop.goods[sku].options for sku in skus]
    products = {shop.goods[sku].product for sku in skus}
    known = {o for v in shop.goods.values() if v.product in products for o in v.options.items()}
    words = said_of_options(text, known)
    fits = sum(any(word.fits(one) for one in options) for word in words)
    pieces = [piece for piece in order.pieces if piece.sku in skus]
    return len(named), fits, len(pieces) > 1 and AMONG.search(text) is not None


def _allows(wanted: IntentName, order: OrderView) -> bool:
    """Whether the order allows what is wanted; a refund is asked about where there is one."""
    if wanted == "refund_status":
        return order.status in REFUNDED
    return wanted not in KINDS or is_possible(wanted, order)  # type: ignore[arg-type]


def place_in(text: str) -> int | None:
    """The place in a list that the text names, from 0, or -1 for the last; None without one."""
    if END.search(text):
        return -1
    found = [
        place
        for place, (alone, within) in enumerate(zip(ALONE, WITHIN, strict=True))
        if alone.search(text) or within.search(text)
    ]
    return found[0] if len(found) == 1 else None


def _named(text: str, slots: Slots, shop: ShopView) -> tuple[str, ...]:
    """The orders that the text names by number: own ones, and what cannot be anything else."""
    plain = meant(unicodedata.normalize("NFKC", text))
    words = {match[1]: plain[: match.start(1)] for match in _words(plain)}
    own = [name for name in shop.spelled(tuple(words)) if name in shop.orders]
    mine = {name.lower() for name in own}
    others = [
        name
        for name in slots.orders
        if name.lower() not in mine and _is_number(name, words.get(name, ""))
    ]
    digits = [
        word
        for word, begin in words.items()
        if word.isdigit()
        and word not in (*own, *shop.goods)
        and len(word) >= SHORTEST
        and MARKED.search(begin)
    ]
    named = dict.fromkeys((*own, *others, *digits))
    return tuple(sorted(named, key=lambda name: plain.lower().find(name.lower())))


def _is_number(name: str, begin: str) -> bool:
    """Whether a word that is no own order is the number of an order nevertheless."""
    return not ELSE.search(begin) and bool(CLEAR.fullmatch(name) or MARKED.search(begin))


def _words(text: str) -> list[re.Match[str]]:
    plain, _ = addresses(unicodedata.normalize("NFKC", text), "\ue000")
    plain = AMOUNT.sub(lambda amount: " " * len(amount[0]), plain)
    return [word for word in WORD.finditer(plain) if any(map(str.isdigit, word[1]))]


def is_own(text: str, shop: ShopView) -> bool:
    """Whether the text is about own goods: it names some, or "my" and there is one order."""
    if len(shop.latest) == 1 and MY.search(text):
        return True
    return any(named_pieces(shop.orders[name], text, shop.goods) for name in shop.latest)
