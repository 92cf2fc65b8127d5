"""Which of several goods a text describes: by options, price and size, by what is more or less of them.

The same rules read "the red one", "the one that is not waterproof", "the cheaper one", "the 50 dollar one",
"one size up" and "something bigger", for pieces of an order and for what shall replace them.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.shop.accounts import Variant
from agents.support.understanding.options import Option, Said, said_of_options
from agents.support.understanding.slots import AMOUNT

SIZES = ("XS", "S", "M", "L", "XL", "XXL")
GRADES = ("small", "medium", "large"), ("low", "medium", "high"), SIZES
NUMBER = re.compile(r"\d+(?:\.\d+)?")
UNIT_PRICE = 100  # minor units of one unit of money


@dataclass(frozen=True, slots=True)
class More:
    """Words for more of something (`sign` 1) or for less of it (-1), and the options it is seen by; "" is the price."""

    words: re.Pattern[str]
    options: re.Pattern[str] | None
    sign: int


def _more(words: str, options: str, sign: int) -> More:
    by = re.compile(options) if options else None
    return More(re.compile(words, re.IGNORECASE), by, sign)


SIZEY = r"\b(?:size|capacity|screen size|diameter|height|length|weight range)\b"
LONG = r"\b(?:length|battery life|height)\b"
MORE = (
    _more(
        r"\b(?:cheap(?:er|est)?|(?:less|least) expensive|low(?:er|est)[- ]priced?)\b|便宜|低价|价格?最?低",
        "",
        -1,
    ),
    _more(
        r"\b(?:(?:more|most) expensive|dear(?:er|est)|pric(?:ier|iest)|high(?:er|est)[- ]priced?)\b"
        r"|[更最较]?贵(?:一?点|的|些|那)|价格?最?高",
        "",
        1,
    ),
    _more(
        r"\b(?:bigger|larger|biggest|largest|size up|roomier)\b|大[一1个]个?[码号]|大一?[点些]|[更最]大",
        SIZEY,
        1,
    ),
    _more(
        r"\b(?:smaller|smallest|size (?:down|smaller))\b|小[一1个]个?[码号]|小一?[点些]|[更最]小",
        SIZEY,
        -1,
    ),
    _more(r"\blong(?:er|est)\b|[更最]长|长一?[点些]", LONG, 1),
    _more(r"\bshort(?:er|est)\b|[更最]短|短一?[点些]", LONG, -1),
    _more(r"\bbright(?:er|est)\b|[更最]亮|亮一?[点些]", r"\bbrightness\b", 1),
    _more(r"\b(?:dimmer|less bright)\b|[更最]暗|暗一?[点些]", r"\bbrightness\b", -1),
)
MOST = re.compile(r"\b(?:\w+est|least|most)\b|最", re.IGNORECASE)
STEP = re.compile(
    r"\b(?:one|a|the next) size\b|\bsize (?:up|down)\b|[大小][一1个]个?[码号]", re.IGNORECASE
)
THE = re.compile(r"\b(?:the|my|that|this|those)(?: [\w-]+){0,2} $|最$", re.IGNORECASE)
# "That one is dearer" and 太大了 only say how it is; "the one that is dearer" chooses.
SAYS_SO = re.compile(
    r"(?:\b(?<!that )(?<!which )(?:is|are|was|were|seems?|looks?|feels?|too|so)|(?<!that)(?<!which)'s)"
    r"(?: (?:a|bit|little|much|far|even|way|still|really|lot))* $"
    r"|[太好真挺很]$|有点$|这么$|那么$",
    re.IGNORECASE,
)
ONE = re.compile(
    r" (?:ones?|pairs?|of|two|item)\b|的?[那这]?一?[个件副双只台把款种瓶盏块条]", re.IGNORECASE
)
BARE_AMOUNT = re.compile(
    r"(?<![\w.$])(?:(?P<amount>\d{1,5}(?:\.\d{2})?) ?(?:bucks|usd|quid)\b|(?P<cents>\d{1,5}\.\d{2})(?![a-z\d_.]))"
    r"|(?P<zh>\d{1,5}(?:\.\d{2})?)(?:刀|的?那?一?[单笔])",
    re.IGNORECASE,
)


ABOUT = re.compile(
    r"(?:\b(?:nearly|almost|about|around|roughly|some)|差不多|大概|大约|将近|快) ?[$€¥]?(?P<about>\d{2,5})(?![\w.])"
    r"|(?<![\w.])(?P<over>\d{2,5})(?: ?(?:something|odd)\b|-?ish\b|多(?:块|元|刀|美)?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Goods that a text may describe."""

    key: str
    options: Mapping[str, str]
    price: int


def candidate(variant: Variant, price: int | None = None) -> Candidate:
    """The item as a candidate, at the price it was bought for."""
    return Candidate(variant.sku, variant.options, variant.price if price is None else price)


def options_of_all(candidates: Iterable[Candidate]) -> frozenset[Option]:
    """Every option of the candidates."""
    return frozenset(one for some in candidates for one in some.options.items())


@dataclass(frozen=True, slots=True)
class Replaced:
    """What is to be replaced; what the text says before the place `since` can describe it."""

    old: Candidate
    since: int = 0


def narrowed(
    text: str,
    candidates: Sequence[Candidate],
    known: frozenset[Option],
    replaced: Replaced | None = None,
    *,
    corrected: bool = False,
) -> list[Candidate] | None:
    """The candidates that the text describes, none if nothing fits; None where it describes none of them.

    `known` are the options that the words may name. What shall replace something is compared with it. There, or
    if `corrected`, the later one of two words for one option counts where nothing has both: "make it L rather".
    """
    said = [one for one in said_of_options(text, known) if not _is_of(one, replaced, candidates)]
    left = _with_words(said, candidates, corrected=corrected or replaced is not None)
    paid = text[replaced.since :] if replaced is not None else text
    steps = [step for step in MORE if _compares(step, text, replaced)]
    if names_amount(paid):
        left = [one for one in left if costs(one.price, paid)]
    old = replaced.old if replaced is not None and not MOST.search(text) else None
    for step in steps:
        left = _by_more(step, left, old, is_step=STEP.search(text) is not None)
    return left if said or steps or names_amount(paid) else None


def _compares(step: More, text: str, replaced: Replaced | None) -> bool:
    """Whether the text compares: "I found it cheaper elsewhere" chooses nothing, "the cheaper one" does."""
    found = [m for m in step.words.finditer(text) if not SAYS_SO.search(text[: m.start()])]
    chosen = [m for m in found if THE.search(text[: m.start()]) or ONE.match(text[m.end() :])]
    if replaced is None:
        return bool(chosen)
    return any(m not in chosen or m.start() >= replaced.since for m in found)


def _with_words(
    said: Sequence[Said], candidates: Sequence[Candidate], *, corrected: bool
) -> list[Candidate]:
    """Those that every word fits; where a word `corrected` an earlier one about the same option, without that."""
    for n in range(len(said) + 1 if corrected else 1):
        words = [
            one for k, one in enumerate(said) if k >= n or not _is_said_again(one, said[k + 1 :])
        ]
        left = [one for one in candidates if all(word.fits(one.options) for word in words)]
        if left:
            return left
    return []


def _is_said_again(word: Said, later: Sequence[Said]) -> bool:
    return any(word.names & other.names for other in later)


def _is_of(word: Said, replaced: Replaced | None, candidates: Sequence[Candidate]) -> bool:
    """Whether the word only describes what is to be replaced."""
    if replaced is None or not word.fits(replaced.old.options):
        return False
    before = word.span[1] <= replaced.since
    return before or not any(word.fits(one.options) for one in candidates)


def sign_of_price(text: str) -> int:
    """1 where the text chooses the dearer one, -1 where it chooses the cheaper one, and 0 where it does neither."""
    signs = [step.sign for step in MORE if step.options is None and _compares(step, text, None)]
    return signs[0] if len(signs) == 1 else 0


def costs(amount: int, text: str) -> bool:
    """Whether the text names this amount (in minor units), or about as much: "nearly 700", "679 something"."""
    near = [(named - UNIT_PRICE + 1, named + UNIT_PRICE) for named in amounts_in(text)]
    for said in ABOUT.finditer(text):
        named = int(said["about"] or said["over"]) * UNIT_PRICE
        over = max(10, 10 ** (len(said["over"]) - 1)) * UNIT_PRICE if said["over"] else 0
        near.append((named, named + over) if over else (named * 94 // 100, named * 106 // 100))
    return any(low <= amount < high for low, high in near)


def names_amount(text: str) -> bool:
    """Whether the text names an amount of money, or about one."""
    return bool(amounts_in(text)) or ABOUT.search(text) is not None


def amounts_in(text: str) -> list[int]:
    """The amounts of money in the text, in minor units."""
    found = [
        *(m[0] for m in AMOUNT.finditer(text)),
        *(m["amount"] or m["cents"] or m["zh"] for m in BARE_AMOUNT.finditer(text)),
    ]
    numbers = [NUMBER.search(one.replace(",", "")) for one in found]
    return [round(float(number[0]) * UNIT_PRICE) for number in numbers if number is not None]


def _by_more(
    step: More, candidates: Sequence[Candidate], old: Candidate | None, *, is_step: bool
) -> list[Candidate]:
    """Those that have more than the old goods, or the most of all where there are none; by a step: the next ones."""
    value = _measured(step, [*candidates, *([old] if old is not None else [])])
    if value is None:
        return []
    ranked = {one.key: rank for one in candidates if (rank := value(one)) is not None}
    if old is None:
        most = max((step.sign * rank for rank in ranked.values()), default=0.0)
        return [
            one for one in candidates if one.key in ranked and step.sign * ranked[one.key] == most
        ]
    mine = value(old)
    more = {k: r for k, r in ranked.items() if mine is not None and step.sign * (r - mine) > 0}
    if is_step and more:
        nearest = min(more.values(), key=lambda rank: step.sign * rank)
        more = {key: rank for key, rank in more.items() if rank == nearest}
    return [one for one in candidates if one.key in more]


def _measured(step: More, among: Sequence[Candidate]) -> Callable[[Candidate], float | None] | None:
    """How much each candidate has of what the words compare; None if that is not known."""
    if step.options is None:
        return lambda one: float(one.price)
    names = dict.fromkeys(n for one in among for n in one.options if step.options.search(n.lower()))
    for name in names:
        ranks = {one.key: rank_of(one.options.get(name, "")) for one in among}
        if len({rank for rank in ranks.values() if rank is not None}) > 1:
            return lambda one, ranks=ranks: ranks[one.key]  # type: ignore[misc]
    return None


def rank_of(value: str) -> float | None:
    """How large a value is beside others of its option: 5 for "5mm", 2 for "M"; None if it has no size."""
    for grades in GRADES:
        if value in grades:
            return float(grades.index(value))
    number = NUMBER.search(value)
    return float(number[0]) if number is not None else None
