"""What a message names in order to leave it out: "not the lamp", "A, no wait, B", "除了台灯".

Rules, and the clauses that keep something as it is: see `roles.py`.

A name that is left out is never taken for one that is meant. A "not" before a verb leaves nothing out: "I have
not received order A" means A.
"""

import re
from functools import lru_cache

from agents.shop.catalogue import catalogue
from agents.support.understanding.names import names_goods, options_in
from agents.support.understanding.roles import KEPT, kept
from agents.support.understanding.roles import clauses as clauses_of

# Not a measure such as 64GB, 10x or 13-inch; an own order of that form is found by look-up all the same.
MEASURE = r"\d{1,4}-?[A-Za-z]{1,6}(?![\w-])"
ORDER = rf"#?(?!{MEASURE})(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{{2,63}}(?![\w-])"
NAMED = rf"(?:everything|all|both|the|my|this|that|these|those|order|orders|{ORDER})\b"
VERBS = r"(?:cancel|return|exchange|change|swap|send|refund|include|touch|modify)"
NOUNS = (
    r"cancell?ing|returning|exchanging|person|human|agent|refund|return|cancell?ation|exchange|replacement"
    r"|money back|money|voucher"
)
DOES = (
    r"(?:i|you|we|please|also|return|cancel|exchange|change|where|what|how|when|ship|pay|send|tell|check|"
    r"refund|swap|is|has)"
)
LEFT_OUT = re.compile(
    rf"\b(?:not(?= (?:for |from |in |of )?{NAMED})|except(?:ing)?(?: for)?|excluding|other than|apart from"
    rf"|besides|without|instead of|rather than"
    rf"|(?:keep|keeping|leave|leaving|h[oa](?:ld|ng)(?:ing)? on to)(?: (?:only|just))?(?= (?:{NAMED}|an? |one ))"
    rf"|(?:(?<=^)|(?<=[,.;!] )|(?<=\bbut )|(?<=\band )|(?<=\bplease ))(?:don't|do not|dont|never) {VERBS})\b"
    rf"(?P<what>(?:(?![,.;!?\n]|\b(?:but|only|just|instead|please|because)\b|\band {DOES}\b).)*)",
    re.IGNORECASE | re.ASCII,
)
EVERYTHING_BUT = re.compile(
    r"\b(?:everything|all(?: of (?:it|them|this|these))?|the lot)\b(?:(?![,.;!?\n]|\bbut\b).){0,50}"
    r"\b(?:but|bar|minus)\b(?: not| for)?"
    rf"(?P<what>(?:(?![,.;!?\n]|\b(?:only|just|instead|please|because)\b|\band {DOES}\b).)*)",
    re.IGNORECASE | re.ASCII,
)
# The order that left-out goods belong to is not left out: "everything except the lamp from order A".
BELONGS = re.compile(
    rf"\b(?:from|of|in|on) (?:my |the )?(?:order |number )*{ORDER}", re.IGNORECASE | re.ASCII
)
BELONGS_ZH = re.compile(rf"(?:订单)?{ORDER}(?:里面?|中)?的?(?=.)", re.ASCII)
ORDERS = re.compile(ORDER, re.ASCII)
LEFT_OUT_ZH = re.compile(
    r"(?:除了|除去|除(?=[^，。,.]{1,15}外)|不包括|不包含|(?<![还么是])不(?:要|用|想)?(?:退|换|取消|改|动)(?!款|货|钱)|别(?:退|换|取消|改|动)(?!款|货)"
    r"|(?<!是)不是(?!有|说)|[只就光]留[下着]?|留下|保留)(?P<what>[^，。；！？,.;!?\n]*?)(?=以外|之外|外(?!套)|都|而是|是|全|其|只|[，。；！？,.;!?\n]|$)"
)
BEFORE_ZH = re.compile(
    r"(?P<what>[^，。；！？,.;!?\s退换]+?)(?:除外|(?<![还么是])不(?:要|用)?(?:退|换|取消)(?!款|货|钱)|别(?:退|换|取消)|留着|以外|之外|不用(?:管|动|改)|别动|不动)"
)
MARKS_ZH = re.compile(
    "[除不别留外]"
)  # without one the rule above would try each letter of a long word in vain
CORRECTED = re.compile(
    r"\b(?:no,? wait|wait,? no|oh no|scratch that|i mean|i meant|make that|correction"
    r"|actually)\b"
    r"|不对|错了|我是说|我的意思是|哦不|应该是",
    re.IGNORECASE,
)
INSTEAD = re.compile(r"\binstead\b(?! of)", re.IGNORECASE)
# A wish that is taken back before another one: "don't cancel it, I only want to know where it is".
REFUSED = re.compile(
    rf"(?:^|(?<=[,.;!?]))\W*+(?:please |pls |plz |just |so |ok |i |no,? )*(?:don't|do not|dont|never|no need to)"
    rf"(?: want(?: you)? to| need to)? "
    rf"(?:{VERBS}|get|call|hand|transfer|bring)\b[^,.;!?\n]*(?:[,.;!?\n]|\bbut\b)"
    # "Not a refund, swap it", "I don't want my money back, just ..."
    rf"|(?:^|(?<=[,.;!?]))\W*+(?:no\W++)*(?:(?:it'?s |i'?m |i am )?not (?:(?:asking|looking|here) for )?|no "
    rf"|(?:i )?(?:don't|do not|dont)(?: really)? (?:want|need) )"
    rf"(?:(?:a|an|any|the|my|to) )?(?:{NOUNS})\b[^,.;!?:\n–-]*(?:[,.;!?:\n–-]|\bbut\b)"
    r"|(?:^|(?<=[，。；！？,.;!?]))(?:请|你|先|我|我们)*(?:别|不|不要|不用|不必|不需要|不想|不是|没说|没有|没)(?:再|给我|帮我|要|想|说)*"
    r"(?:取消|退|换|改|动|转)[^，。；！？,.;!?\n]*[，。；！？,.;!?\n]",
    re.IGNORECASE,
)
# An option stays as it was, and not another piece: "the same size", 尺码不变.
STAYS = re.compile(
    r"^(?!.*(?:\bother\b|另)).*(?:\b(?:same|stays?|unchanged|as (?:it (?:is|was)|before|now))\b"
    r"|不变|不动|不用动|照旧|一样|还是|保持)",
    re.IGNORECASE | re.DOTALL,
)
ENOUGH = re.compile(
    rf"(?:[^\W\d_]++\W++){{2}}[^\W\d_]|[\u4e00-\u9fff]{{4}}|\b(?:{VERBS}|replace)\b|[退换改]",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"\W*(?:(?:sorry|oh|no|wait|oops|ah|pardon|hmm?|对不起|抱歉|哦|不|啊|等等)\W*)*", re.IGNORECASE
)
REST = re.compile(
    r"\b(?:the )?rest\b|\beverything else\b|\ball (?:the )?others?\b|剩下|其[他它余]", re.IGNORECASE
)
SENTENCE_END = re.compile(r"[.;!?。；！？\n]")

Span = tuple[int, int]


def meant(text: str) -> str:
    """The text with blanks in place of what it leaves out."""
    letters = list(text)
    for begin, end in _spans(text):
        letters[begin:end] = " " * (end - begin)
    return "".join(letters)


def meant_instead(text: str) -> str:
    """The text without what it leaves out; an option that stays is a part of what is wanted."""
    letters = list(text)
    clauses = [(a, b) for a, b in kept(text) if not STAYS.search(text[a:b])]
    for begin, end in (*clauses, *_by_rules(text)):
        letters[begin:end] = " " * (end - begin)
    return "".join(letters)


def left_out(text: str) -> str:
    """The parts of the text that name what is left out."""
    return " , ".join(text[begin:end] for begin, end in _spans(text, naming=True))


def without_refused(text: str) -> str:
    """The text without what it refuses before it says what is wanted; as it is if it says nothing else."""
    rest = REFUSED.sub(lambda clause: f" {' '.join(ORDERS.findall(clause[0]))} ", text)
    return rest.strip() if ENOUGH.search(rest) else text


def is_refused(part: str) -> bool:
    """Whether a part of a message only says what is not wanted: "don't cancel it"."""
    return re.search(r"\w", REFUSED.sub(" ", f"{part},")) is None


def is_correction(text: str) -> bool:
    """Whether the text takes back what was named before."""
    return any(way.search(text) for way in (CORRECTED, INSTEAD)) or bool(_spans(text))


def _spans(text: str, *, naming: bool = False) -> list[Span]:
    """The places of what is left out; of the clauses that keep something those that name it, if `naming`."""
    clauses = [(a, b) for a, b in kept(text) if not naming or names_something(text[a:b])]
    clauses = clauses or _beside_the_rest(text)
    clauses = [span for place in clauses for span in _without_order(text, place)]
    rules = _by_rules(text)
    if naming:  # "not the red one" names the red one
        clauses = [(a, b) for a, b in clauses if not any(a <= x and y <= b for x, y in rules)]
    within = [(a, b) for a, b in rules if not any(a < y and x < b for x, y in clauses)]
    return sorted(within + clauses)


def _beside_the_rest(text: str) -> list[Span]:
    """The clauses that tell of goods, where another one asks for the rest: "the lamp is fine, the rest goes back"."""
    found = clauses_of(text)
    if not any(one.role == "asks" and REST.search(text[one.begin : one.end]) for one in found):
        return []
    spans = [(one.begin, one.end) for one in found if one.role == "tells"]
    return [(a, b) for a, b in spans if names_something(text[a:b])]


@lru_cache(KEPT)
def names_something(text: str) -> bool:
    """Whether a text names goods of the shop or an option of them."""
    goods = catalogue().values()
    options = {value for variant in goods for value in variant.options.values()}
    return names_goods(text, goods) or bool(options_in(text, options))


def _by_rules(text: str) -> list[Span]:
    found = [
        span
        for way in (LEFT_OUT, EVERYTHING_BUT)
        for match in way.finditer(text)
        for span in _without_order(text, match.span("what"))
    ]
    before = BEFORE_ZH.finditer(text) if MARKS_ZH.search(text) else ()
    for match in (*LEFT_OUT_ZH.finditer(text), *before):
        begin, end = match.span("what")
        belongs = BELONGS_ZH.match(text, begin, end)
        found.append((belongs.end() if belongs else begin, end))
    return found + _taken_back(text)


def _without_order(text: str, place: Span) -> list[Span]:
    begin, end = place
    belongs = BELONGS.search(text, begin, end)
    if belongs is None or not f"{text[begin : belongs.start()]}{text[belongs.end() : end]}".strip():
        return [(begin, end)]
    return [(begin, belongs.start()), (belongs.end(), end)]


def _taken_back(text: str) -> list[Span]:
    """What a correction takes back: the order before it if an order follows, otherwise the goods."""
    spans: list[Span] = []
    for marker in CORRECTED.finditer(text):
        orders = [m.span() for m in ORDERS.finditer(text, 0, marker.start())]
        if ORDERS.search(text, marker.end()):
            spans += orders[-1:]
            continue
        ends = [
            m.end()
            for m in SENTENCE_END.finditer(text, 0, marker.start())
            if not FILLER.fullmatch(text[m.end() : marker.start()])
        ]
        begin = ends[-1] if ends else 0
        for order_begin, order_end in [*orders, (marker.start(), marker.start())]:
            if order_begin >= begin:
                spans.append((begin, order_begin))
                begin = order_end
    return [span for span in spans if span[0] < span[1]]
