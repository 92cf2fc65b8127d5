"""What a text says of the options of goods: "the blue one", "size 7", "not waterproof", "1.5升".

A word stands for one or several options, and a word that is denied for goods without them.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from agents.support.understanding.names import Span, folded, option_words, pattern_of

Option = tuple[str, str]
"""The name and the value of an option: ("color", "blue")."""

MEASURE = re.compile(r"(\d+(?:\.\d+)?)[\s-]*([a-z%]+)(.*)")
UNITS: Mapping[str, str] = {
    "ml": r"ml|milli ?lit(?:er|re)s?|毫升", "l": r"l|lit(?:er|re)s?|升", "liter": r"l|lit(?:er|re)s?|升",
    "cup": r"cups?|杯", "inch": r"inch(?:es)?|in|[\"”″]|英?寸", "ft": r"ft|feet|foot|英尺",
    "hour": r"h|hrs?|hours?|个?小时", "mm": r"mm|毫米", "gb": r"gb?", "mah": r"mah|毫安时?", "lbs": r"lbs?|pounds?|磅",
    "mp": r"mp|mega ?pixels?|万像素", "x": r"x|times|倍", "bar": r"bars?|巴", "degree": r"degrees?|°|度",
    "piece": r"pieces?|pcs|件套?",
}  # fmt: skip
"""A unit as catalogues write it -> how people do."""
SIZE = r"(?:\bsizes?|\bsz|尺码|码数|鞋码|号码)\W{0,2}(?:(?:is|in|to|an?|是|为|要)\W)?"
# A number that is nothing else: "10 please", "an 8 would be fine".
ALONE = (
    r"(?:^\W*(?:(?:in|the|size|make it|then|ok|要|换)\W*)*|\b(?:an?|the) ){}"
    r"(?=\W*$|\W* (?:please|pls|then|ones?|if|in|would|will|is|or|and|for|instead)\b|\W*[,.;!?]|吧|的)"
)
BEGINS = r"(?<![a-z0-9.])"
# 黑 is black in 黑框 and 黑那个, but 蓝牙 is not blue.
# "The fleecy one", "a wooden one", "the greenish one".
MADE_OF, ADJECTIVE = re.compile("colou?r|material"), re.compile("[a-z]{4,}")
COLOUR = re.compile(r"[\u4e00-\u9fff]色")
AFTER_COLOUR = r"(?=[款那这两一个副件双只框镜版]|\W|$)"
# What denies the word after it, or a word or two later.
DENIED = re.compile(
    r"(?:\b(?:not|non|no|without|isn'?t|aren'?t|wasn'?t|weren'?t|minus|instead of|rather than|anything but|except)"
    r"\b[\s-]*"
    r"(?:(?:the|a|an|any|in|with|that|is|are|so|actually|really|even) ?){0,2}"
    r"|\b(?:don'?t|do not|doesn'?t|can'?t|cannot|never|nor|hate|dislike) (?:[\w']+ ){0,5}"
    r"|(?:不是|不要|不带|不喜欢|不想要|没有?|无|非|别要?|除了|不)[那这]?)$",
    re.IGNORECASE,
)
IS_NO = re.compile(
    r"\s*[:：]\s*(?:no(?:ne)?(?![a-z])|not\b|否|无)"
)  # "water resistance: no", as we say it
HAVING: Mapping[str, str] = {
    "waterproof": r"(?:\bwater[- ]?proof|防水)",
    "water resistance": r"(?:\bwater[- ]?(?:proof|resistan(?:t|ce))|防水)",
    "armrest": r"(?:\barm ?-?rests?|扶手)",
    "backlight": r"(?:\bback ?-?li(?:ghts?|t)\b|背光|\blights?\b)",
}
"""Options of which goods may have none -> the words for having them."""
PARTS: Mapping[str, re.Pattern[str]] = {
    "lens": re.compile(r"\blens(?:es)?\b|镜片"), "frame": re.compile(r"\bframes?\b|框"),
    "strap": re.compile(r"\bstrap\b|表带"), "band": re.compile(r"\bband\b|表带"),
    "dial": re.compile(r"\bdial\b|表盘"), "backlight": re.compile(r"back ?-?li(?:gh)?t|背光"),
    "sole": re.compile(r"\bsoles?\b|鞋底"),
}  # fmt: skip
"""Options of a part of goods, by the first word of their names -> how the part is called."""
CLAUSE = re.compile(r"[,，、.。;；]|\band\b|和")
NEAR = 12  # characters between a value and the part that has it
ABSENT = frozenset({"no", "none", "not resistant"})
DIGITS = "零一二三四五六七八九"
ANY = "*"  # any value but those


@dataclass(frozen=True, slots=True)
class Said:
    """A word of a text about options: one of them is meant, or none of them if it is `denied`."""

    options: frozenset[Option]
    span: Span
    denied: bool = False

    def fits(self, options: Mapping[str, str]) -> bool:
        """Whether goods with these options are what the word says."""
        return any(_has(options, one) for one in self.options) is not self.denied

    @property
    def names(self) -> frozenset[str]:
        """The names of the options that it is about."""
        return frozenset(name for name, _ in self.options)


def said_of_options(text: str, known: Collection[Option]) -> tuple[Said, ...]:
    """What the text says of these options, in its order; the longest word counts where one is within another."""
    plain, taken = folded(text), list[Said]()
    matches = [
        (match.span(), options)
        for source, options in _words(frozenset(known))
        for match in _compiled(source).finditer(plain)
    ]
    for span, options in sorted(matches, key=lambda one: (one[0][0] - one[0][1], one[0])):
        if all(span[1] <= said.span[0] or said.span[1] <= span[0] for said in taken):
            is_denied = bool(DENIED.search(plain[: span[0]]) or IS_NO.match(plain[span[1] :]))
            taken.append(Said(_of_part(options, plain, span), span, is_denied))
    return tuple(sorted(taken, key=lambda said: said.span))


def _of_part(options: frozenset[Option], text: str, span: Span) -> frozenset[Option]:
    """Of the options that a word can stand for those of the part that is named next to it.

    The part comes after the word or before it: "green lenses", "the frame in brown", 黑框茶色镜片.
    """
    after = CLAUSE.split(text[span[1] : span[1] + NEAR])[0]
    before = CLAUSE.split(text[max(0, span[0] - NEAR) : span[0]])[-1]
    parts = {one: PARTS.get(one[0].split()[0]) for one in options}
    following = {o: m.start() for o, part in parts.items() if part and (m := part.search(after))}
    found = [one for one, place in following.items() if place == min(following.values())]
    if not found:
        found = [one for one, part in parts.items() if part and part.search(before)]
    return frozenset(found) or options


def _has(options: Mapping[str, str], wanted: Option) -> bool:
    name, value = wanted
    return options.get(name, "no") not in ABSENT if value == ANY else options.get(name) == value


@lru_cache(512)
def _words(known: frozenset[Option]) -> tuple[tuple[str, frozenset[Option]], ...]:
    """The pattern of each word for these options, with all options that it stands for."""
    meant: dict[str, set[Option]] = {}
    for name, value in known:
        for source in _sources(name, value):
            meant.setdefault(source, set()).add((name, value))
        if name in HAVING:
            meant.setdefault(HAVING[name], set()).add((name, ANY))
    return tuple((source, frozenset(options)) for source, options in meant.items())


def _sources(name: str, value: str) -> list[str]:
    """The patterns of the words for the value of an option; none for a mere yes or no."""
    if value in ABSENT | {"yes"}:
        return []
    if value.isdigit():
        return [
            rf"{SIZE}{value}(?![a-z0-9]|\.\d)|{BEGINS}{value} ?(?:[码号片]|pcs|pieces?)|{ALONE.format(value)}"
        ]
    measure = MEASURE.fullmatch(value.lower())
    unit = UNITS.get(measure[2].removesuffix("es").removesuffix("s"), "") if measure else ""
    unit = unit or (UNITS.get(measure[2], "") if measure else "")
    if measure is not None and unit and not measure[3].strip():
        number = rf"(?:{BEGINS}{re.escape(measure[1])}|{_han(measure[1])})"
        return [rf"{number}\W{{0,2}}(?:{unit})(?![a-z])"]
    words = option_words()
    spoken = (value, *words.get(f"{name}: {value}", words.get(value, ())))
    if MADE_OF.search(name) and ADJECTIVE.fullmatch(value):
        spoken = (*spoken, *(f"{value.removesuffix('e')}{end}" for end in ("y", "en", "ish")))
    colours = [f"{one[0]}{AFTER_COLOUR}" for one in spoken if COLOUR.fullmatch(one)]
    return [*(source for one in spoken if (source := pattern_of(one))), *colours]


def _han(number: str) -> str:
    """A number below a hundred as it is written in Chinese, and as it stands in other words; else the number."""
    if not number.isdigit() or not 0 < int(number) < 100:
        return re.escape(number)
    tens, ones = divmod(int(number), 10)
    said = (f"{DIGITS[tens] if tens > 1 else ''}十" if tens else "") + (
        DIGITS[ones] if ones else ""
    )
    return rf"(?<![{DIGITS}十]){said}"


@lru_cache(4_096)
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)
