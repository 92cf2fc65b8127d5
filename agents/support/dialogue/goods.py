"""Which goods of an order a text names: by SKU, name, kind or option, in any script.

The longest name is read first, so that "laptop bag" is not also a laptop. What fits several pieces is unclear
and is asked for, and so is what the order does not have.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.shop.accounts import OrderAccount, Piece, Variant
from agents.support.dialogue.choosing import Candidate, narrowed, options_of_all
from agents.support.models import Part
from agents.support.understanding.names import (
    Span,
    folded,
    kind,
    names_in,
    names_of,
    places_of,
)
from agents.support.understanding.options import Option, Said, said_of_options
from agents.support.understanding.slots import SKU

Goods = Mapping[str, Variant]
Mention = tuple[Span, Sequence[str]]
"""Where goods are named, and the SKUs that the name fits."""

ONLY_ONE = re.compile(
    r"\b(?:it|this|that|the item|this one)\b|它|这个|这件|那个|那件|这东西", re.IGNORECASE
)
NUMBER = r"one|both|two|three|four|five|[一两二三四五俩仨]"
PIECE_ZH = "[个件只双副台把条盏瓶款块]"
HOW_MANY = re.compile(
    r"(?P<all>\ball|全部|所有)?\W*(?P<count>(?<!\w)\d{1,2}|\b(?:one|both|two|three|four|five|single|another|other)"
    r"|(?<!第)[一两二三四五俩仨])?"
    r"(?:\W*(?:of|the|my|these|those|pieces?|[\u4e00-\u9fff]))?(?:\W*(?:the|my|these|those))?"
    rf"(?: (?!(?:of|and|or|the|my|single|another|other|{NUMBER}) )[a-z]+)?\W*$",
    re.IGNORECASE,
)
BEFORE_ZH = re.compile(
    rf"(?<!第)(?P<count>[一两二三四五俩仨])(?:{PIECE_ZH}|(?<=[俩仨]))[^\W\d_a-z退换留要有里]{{1,8}}$"
)
# Of those that are counted, how many are meant: "those three shirts, two are too small", "三件衬衫有两件太小".
SOME_OF = re.compile(
    r"\b(?P<en>one|two|three|four)(?= (?:of (?:them|those|these)|are|is|were|was|can|could|should|needs?|must|goes|go"
    r"|does|do|don'?t|have|has|turned|came|won'?t|will|would|seems?|looks?|fits?)\b)"
    rf"|(?<!第)(?P<zh>[一两二三四俩]){PIECE_ZH}(?!月|小时|人)",
    re.IGNORECASE,
)
ALL_COUNTED = re.compile(
    r"\b(?:both|together|all (?:two|three|four))\b|都|一起|一块|一并|全部|通通|统统", re.IGNORECASE
)
CLAUSE = re.compile(
    r"[,，、.。;；!！\n]|\b(?:and|but)\b|但是?|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])"
)
GOES = re.compile(
    r"\b(?:return|back|refund|exchange|swap|replace|change|cancel|goes?)\w*|退|换|寄回|取消",
    re.IGNORECASE,
)  # verbs for what becomes of goods
ONE_OF = re.compile(
    rf"(?P<count>(?<!\w)\d{{1,2}}|\b(?:{NUMBER}))\W+of\W+(?:the|my|these|those|your)\W+"
    rf"(?:(?:{NUMBER}|\d{{1,2}})\W+)?(?:[a-z]+ ){{0,2}}$",
    re.IGNORECASE,
)
# "两个水杯退一个", "水杯中的一个", "水杯只退两个"
AFTER_ZH = re.compile(
    r"^(?:里面?|中|当中|之中)?的?(?:我?只|就|先|要|想)*(?:退货?|换|退掉|要)?(?:其中)?(?:的)?"
    r"(?P<count>[一两二三四五俩仨]|\d{1,2})(?:个|件|只|双|台|把|条|盏|款)(?!月|小时|天)"
)
HEADS = "杯壶灯椅钟鞋靴伞垫窝床包镜"
HAN = re.compile(r"[\u4e00-\u9fff]")
NO_HEAD = re.compile(
    r"[分点秒]钟|包[装裹邮括含裹]|钱包|[镜]片|鞋[盒带码]|机[会器]|手机号|代表|表[示扬]|[开关]机|[床]上"
)
COUNTS = {
    "俩": 2, "仨": 3, "one": 1, "single": 1, "another": 1, "other": 1,
    "both": 2, "two": 2, "three": 3, "four": 4, "five": 5,
    "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5,
}  # fmt: skip
JUST_BEFORE = re.compile(
    r"(?<!keep )(?<!keeping )\b(?:only|just)"
    r"(?: (?:return|send|exchange|swap|change|want|need|back|one|of|the|my|that|those|this|to|is|it'?s|for))*\W*$"
    r"|[只就单光](?:想|要|退|换|把|有|是|需要)*$",
    re.IGNORECASE,
)
OF_THEM = re.compile(
    rf"\b(?:only|just) ({NUMBER})\b(?! (?:size|thing|order))|\b({NUMBER}) of (?:them|those|these)\b"
    r"|(?:只|就)(?:想|要)?(?:退|换)?([一两二三四五俩])[个件只双台把条盏瓶副]",
    re.IGNORECASE,
)
CERTAIN = re.compile(
    r"\b(?:the|my|both|those|these|that|this)\W*$|[那这]一?[两二]?\w?$", re.IGNORECASE
)
COUNT_ZH = re.compile(f"[两二三四俩仨]{PIECE_ZH}")
NEXT = 3  # characters between an option and the name of its goods
JUST_AFTER = re.compile(r"\s*\b(?:only|alone|by itself)\b|就(?:行|好|可以)|单独", re.IGNORECASE)
ALL_ONES = re.compile(r"\w* (?:ones|pairs)\b|\w{0,2}的?那?两", re.IGNORECASE)
JOINT = re.compile(r"\band\b|\bplus\b|\bwith\b|[,，、;；&+.。和与跟及]")


COMPARED = (
    r"cheap(?:er|est)|dear(?:er|est)|(?:more|less|most) expensive|pric(?:ier|iest)|larg(?:er|est)|small(?:er|est)"
    r"|bigg(?:er|est)"
)
# Words beside the names of goods that do not say what shall become of them.
BESIDE_GOODS = re.compile(
    rf"\b(?:the|an?|my|that|this|those|these|it'?s|is|i mean|i meant|of|in|with|for|and|or|ones?|pairs?|both"
    r"|two|three|four|all|single|only|just|them|others?|please|pls|kind|size|colou?r|ok|okay|so|then|oh|hm+|well|thanks"
    r"|thank you|sorry)\b"
    rf"|\b(?:{COMPARED})\b|便宜|贵|[大小]|[那这就是要的个一点两二三四俩仨]|{PIECE_ZH}|和|跟|与|吧|啊|哦|嗯|请|谢谢|另|颜色|尺码|码|色",
    re.IGNORECASE,
)
AMONG_THEM = re.compile(
    rf"\b(?:{NUMBER}|{COMPARED}|all|others?)\b|另|便宜|贵|[大小][一点]|[一两二三四俩仨]{PIECE_ZH}",
    re.IGNORECASE,
)
WORD, ASKS = re.compile(r"\w"), re.compile("[?？吗呢]")


@dataclass(frozen=True, slots=True)
class Named:
    """The SKUs that a text names, once for each piece.

    `unclear` if a name fits several of them; `why` says what the order does not have.
    """

    skus: tuple[str, ...] = ()
    unclear: bool = False
    why: Part | None = None


def goods_named(
    order: OrderAccount,
    text: str,
    goods: Goods | None = None,
    *,
    described: str | None = None,
    every: bool = False,
) -> Named:
    """The pieces of the order that the text names; "it" is the piece of an order that has one.

    Options count in the whole text. Where only the part that is `described` may have them, they can also be
    those of what is wanted instead. Without a number one copy of a piece is meant, or each if `every`.
    """
    goods = goods or {}
    found = [
        sku for sku in dict.fromkeys(SKU.findall(text)) if any(sku == p.sku for p in order.pieces)
    ]
    named = _only_these(text, named_pieces(order, text, goods))
    places = [place for place, _ in named.values()]
    places += _of_others(order, text, places, goods)
    unclear, why = False, None
    for name, (span, skus) in named.items():
        if any(sku in found for sku in skus):
            continue
        mine = text if described is None else described
        several = _each_named(order, skus, name, mine, goods)
        about = _part_about(mine, span, places)
        most = sum(piece.sku in skus for piece in order.pieces)
        if several or _means_all(most, text, name, span, goods):
            fitting, each = several or list(skus), True
        else:
            about = about or _before_name(text, span, skus, goods)
            fitting, each = _with_options(order, skus, about, goods)
        if not fitting and (described is not None or not _is_next_to(skus, mine, span, goods)):
            fitting = _most_like(order, skus, about, goods)
        some = _copies_of(order, fitting, text, name, None if each else (span, every))
        of_all = (
            some.why is not None and some.why.template == "too few" and len(fitting) < len(skus)
        )
        if of_all:  # "of the two beds the cheaper one" counts those it chooses from
            some = _copies_of(order, fitting, text, name, None)
        found += some.skus
        unclear, why = unclear or some.unclear, some.why or why
    if found or named:
        return Named(tuple(found), unclear, why)
    return _by_option(order, text if described is None else described, goods) or _only(order, text)


def _of_others(order: OrderAccount, text: str, mine: Sequence[Span], goods: Goods) -> list[Span]:
    """Where the text names goods that the order does not have: their options are none of its pieces'."""
    products = {piece.product for piece in order.pieces}
    names = {name for v in goods.values() if v.product not in products for name in names_of(v)}
    rest = _without(text, mine)
    return list(names_in(rest, names | {kind(name) for name in names}).values())


def _means_all(most: int, text: str, name: str, span: Span, goods: Goods) -> bool:
    """Whether the text counts all pieces of a name and means each: "both shirts go back"."""
    if most < 2 or _counted(text, name, span) != most:
        return False
    begin = max((mark.end() for mark in CLAUSE.finditer(text, 0, span[0])), default=0)
    end = next((mark.start() for mark in CLAUSE.finditer(text, span[1])), len(text))
    asks = GOES.search(text[begin:end]) or names_only_goods(text, goods)
    return bool(asks) and ALL_COUNTED.search(text[begin:end]) is not None


def names_only_goods(text: str, goods: Goods) -> bool:
    """Whether the text names goods, their options or how many, and says nothing of what is wanted."""
    known = {one for v in goods.values() for one in v.options.items()}
    names = {name for variant in goods.values() for name in names_of(variant)}
    places = [said.span for said in said_of_options(text, known)]
    places += names_in(text, names | set(map(kind, names))).values()
    if (not places and not AMONG_THEM.search(text)) or ASKS.search(text):
        return False
    letters = list(text)
    for begin, end in places:
        letters[begin:end] = " " * (end - begin)
    return WORD.search(BESIDE_GOODS.sub(" ", "".join(letters))) is None


def _only_these(text: str, named: dict[str, Mention]) -> dict[str, Mention]:
    """Those that the text says only, if it says so of any: "just the lamp, my son needs the mug"."""
    plain = folded(text)
    some = {
        name: mention
        for name, mention in named.items()
        if JUST_BEFORE.search(plain[: mention[0][0]]) or JUST_AFTER.match(plain[mention[0][1] :])
    }
    return some or named


def _only(order: OrderAccount, text: str) -> Named:
    """The piece of an order that has one, if the text says "it"."""
    is_it = len(order.pieces) == 1 and ONLY_ONE.search(text)
    return Named((order.pieces[0].sku,) if is_it else ())


def count_of_them(text: str) -> int:
    """How many of the pieces just shown are meant: "only one of them", 只退一个; 0 if the text does not say."""
    found = OF_THEM.search(text)
    return _count(next(filter(None, found.groups()))) if found is not None else 0


def _copies_of(
    order: OrderAccount,
    fitting: Sequence[str],
    text: str,
    name: str,
    counted: tuple[Span, bool] | None,
) -> Named:
    """As many copies of the pieces as the text counts at this place, each of them if it is not `counted`."""
    have = Counter(piece.sku for piece in order.pieces)
    most = sum(have[sku] for sku in fitting)
    if not fitting:
        return Named(unclear=True, why=Part(template="none like that", values={"name": name}))
    copies = most
    if counted is not None:
        copies = _copies(text, name, counted[0], most, every=counted[1])
    if copies == most:
        return Named(tuple(sku for sku in fitting for _ in range(have[sku])))
    if copies > most:
        few = Part(template="too few", values={"name": name, "count": str(most)})
        return Named(unclear=True, why=few)
    return Named(tuple(fitting) * copies) if len(fitting) == 1 else Named(unclear=True)


def named_pieces(order: OrderAccount, text: str, goods: Goods) -> dict[str, Mention]:
    """The names in the text of what is in the order: where each is, and the SKUs that it fits."""
    whole: dict[str, list[str]] = {}
    for piece in order.pieces:
        for name in _names(piece, goods):
            whole.setdefault(folded(name), []).append(piece.sku)
    fits = {name: list(skus) for name, skus in whole.items()}
    for piece in order.pieces:
        for name in map(folded, map(kind, _names(piece, goods))):
            if name.isascii() or name not in whole:  # 台灯 is not 护眼台灯 where there are both
                fits.setdefault(name, []).append(piece.sku)
    places = names_in(text, whole)
    places |= names_in(_without(text, places.values()), fits.keys() - places.keys())
    if not places:  # 壶不退, 那个钟: a single character is read only where nothing else is named
        heads = {
            name[-1]: piece.sku
            for piece in order.pieces
            for name in _names(piece, goods)
            if HAN.fullmatch(name[-1:]) and name[-1] in HEADS
        }
        places = names_in(NO_HEAD.sub(lambda word: " " * len(word[0]), text), heads)
        for head in places:
            fits[head] = [
                p.sku for p in order.pieces if any(n.endswith(head) for n in _names(p, goods))
            ]
    return {name: (span, list(dict.fromkeys(fits[name]))) for name, span in places.items()}


def _names(piece: Piece, goods: Goods) -> set[str]:
    variant = goods.get(piece.sku)
    return {piece.name, *(names_of(variant) if variant is not None else ())}


def _without(text: str, places: Iterable[Span]) -> str:
    letters = list(folded(text))
    for begin, end in places:
        letters[begin:end] = " " * (end - begin)
    return "".join(letters)


def candidates_of(order: OrderAccount, skus: Iterable[str], goods: Goods) -> list[Candidate]:
    """These pieces of the order, as a text may describe them."""
    paid = {piece.sku: piece.price for piece in order.pieces}
    return [Candidate(s, goods[s].options if s in goods else {}, paid[s]) for s in skus]


def _known(skus: Iterable[str], goods: Goods) -> frozenset[Option]:
    """The options of all goods of their products, so that what the order does not have is known as well."""
    products = {goods[sku].product for sku in skus if sku in goods}
    return frozenset(
        one for v in goods.values() if v.product in products for one in v.options.items()
    )


def _with_options(
    order: OrderAccount, skus: Sequence[str], text: str, goods: Goods
) -> tuple[list[str], bool]:
    """Those that the text describes; or one for each of its words, and that this is so."""
    candidates, known = candidates_of(order, skus, goods), _known(skus, goods)
    left = narrowed(text, candidates, known)
    if left is None:
        return list(skus), False
    if left or len(candidates) < 2:
        return [one.key for one in left], False
    words = said_of_options(text, known)
    fits = [[one.key for one in candidates if word.fits(one.options)] for word in words]
    some = [keys for keys in fits if keys]  # words of other goods fit none of these
    if some and all(len(keys) == 1 for keys in some):
        each = [keys[0] for keys in some]
        return [sku for sku in skus if sku in each], True
    both = set(skus).intersection(*some) if some else set()
    return [sku for sku in skus if sku in both], False


def _before_name(text: str, span: Span, skus: Sequence[str], goods: Goods) -> str:
    """The options right before a name that means certain goods: "both blue shirts", 那件蓝色的衬衫."""
    begin = span[0]
    for word in reversed(said_of_options(text[: span[0]], _known(skus, goods))):
        if begin - word.span[1] > NEXT:
            break
        begin = word.span[0]
    is_certain = CERTAIN.search(text[:begin]) or COUNT_ZH.search(text[begin : span[0]])
    return text[begin : span[1]] if begin < span[0] and is_certain else ""


def _is_next_to(skus: Sequence[str], text: str, span: Span, goods: Goods) -> bool:
    """Whether an option stands next to the name: "the green T-shirt" is no red one, whatever else is said."""
    words = said_of_options(text, _known(skus, goods))
    return any(
        0 <= span[0] - word.span[1] <= NEXT or 0 <= word.span[0] - span[1] <= NEXT for word in words
    )


def _most_like(order: OrderAccount, skus: Sequence[str], text: str, goods: Goods) -> list[str]:
    """Those that most words fit, where some describe other goods: "the M is tight, I'd like the L"."""
    words = said_of_options(text, _known(skus, goods))
    fits = {
        c.key: sum(word.fits(c.options) for word in words)
        for c in candidates_of(order, skus, goods)
    }
    return [sku for sku in skus if fits[sku] == max(fits.values())]


def _each_named(
    order: OrderAccount, skus: Sequence[str], name: str, text: str, goods: Goods
) -> list[str]:
    """One SKU for each place of a name: "the mug (red) and the mug (blue)"; none unless each is clear."""
    begins = [begin for begin, _ in places_of(text, name)]
    if len(skus) < 2 or len(begins) < 2:
        return []
    parts = [text[begin:end] for begin, end in zip(begins, [*begins[1:], None], strict=True)]
    fitting = [_with_options(order, skus, part, goods)[0] for part in parts]
    chosen = [some[0] for some in fitting if len(some) == 1]
    return chosen if len(set(chosen)) == len(parts) else []


def _by_option(order: OrderAccount, text: str, goods: Goods) -> Named | None:
    """The pieces that have what the text describes, such as their colour; None if it describes none of them."""
    have = Counter(piece.sku for piece in order.pieces)
    candidates = candidates_of(order, have, goods)
    known = options_of_all(candidates)
    fitting = [one.key for one in narrowed(text, candidates, known) or ()]
    words = said_of_options(text, known)
    if not fitting and len(words) > 1:
        if (each := _each_by_option(candidates, words, text, have)) is not None:
            return each
        fitting = [one.key for one in narrowed(text, candidates, known, corrected=True) or ()]
    if not fitting or len(fitting) == len(have) > 1:
        return None
    place = words[0].span if words else (len(text), len(text))
    most = sum(have[sku] for sku in fitting)
    is_all = ALL_ONES.match(text[place[1] :])
    copies = most if is_all else _copies(text, "", place, most, every=False)
    if copies != most and len(fitting) > 1:
        return Named(unclear=True)
    return Named(tuple(sku for sku in fitting for _ in range(min(copies, have[sku]))))


def _each_by_option(
    candidates: Sequence[Candidate], words: Sequence[Said], text: str, have: Counter[str]
) -> Named | None:
    """A piece for each word: "one green and the black one"; None unless each word fits one kind of piece."""
    found: dict[str, int] = {}
    for word in words:
        fits = [one.key for one in candidates if word.fits(one.options)]
        if len(fits) != 1 or word.denied or fits[0] in found:
            return None
        most = have[fits[0]]
        found[fits[0]] = min(most, _copies(text, "", word.span, most, every=False))
    return Named(tuple(Counter(found).elements()))


def _part_about(text: str, place: Span, places: Iterable[Span]) -> str:
    """The part of the text that describes the goods named at this place, where others are named as well."""
    plain = folded(text)
    before = max((end for _, end in places if end <= place[0]), default=0)
    after = min((begin for begin, _ in places if begin >= place[1]), default=len(plain))
    if before:
        gap = plain[before : place[0]]
        joints = list(JOINT.finditer(gap))
        before += joints[-1].end() if joints else 0
    if after < len(plain):
        joints = list(JOINT.finditer(plain[place[1] : after]))
        after = place[1] + (joints[-1].start() if joints else 0)
    return text[before:after]


def _copies(text: str, name: str, place: Span, most: int, *, every: bool) -> int:
    """How many copies are named; more than `most` if there are not that many."""
    if count := _counted(text, name, place):
        some = SOME_OF.search(folded(text)[place[1] :]) if count > 1 else None
        fewer = _count(some["en"] or some["zh"]) if some is not None else count
        return min(count, fewer)
    found = HOW_MANY.search(folded(text)[: place[0]])
    several = found is not None and found["all"]
    return most if several or every or _is_plural(name, folded(text)[slice(*place)]) else 1


def _counted(text: str, name: str, place: Span) -> int:
    """The number that stands with a name; 0 without one."""
    plain = folded(text)
    before, after = plain[: place[0]], plain[place[1] :]
    if count := AFTER_ZH.match(after) or ONE_OF.search(before) or BEFORE_ZH.search(before):
        return _count(count["count"])
    found = HOW_MANY.search(before)
    if found is None or not found["count"]:
        return 0
    is_others = found["count"] == "other" and _is_plural(name, plain[slice(*place)])
    return 0 if is_others else _count(found["count"])


def _is_plural(name: str, said: str) -> bool:
    return said.endswith("s") and not name.endswith("s")


def _count(word: str) -> int:
    return COUNTS.get(word) or int(word) or 100
