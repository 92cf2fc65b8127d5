"""What each clause of a message is for: it asks for something, keeps something as it is, or tells.

A linear model over the vector of the clause and over pieces of its words, fitted to the examples of `roles.yaml`.
"I have worn boots for forty years" tells, "the other one is fine" keeps, "a 9 would be ideal" asks. What is
not clear asks: a wish that is lost is worse than one that is asked about.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from agents.support.understanding.courtesy import without_courtesy
from agents.support.understanding.embedding import Vector, is_available, one_thread
from agents.support.understanding.vectors import known_vectors

Role = Literal["asks", "keeps", "tells"]

ROLES = Path(__file__).parent / "roles.yaml"
WEIGHT, C = 4.0, 3.0  # of the vectors beside the pieces of words; of the linear model
SURE = {"asks": 0.0, "keeps": 0.65, "tells": 0.5}  # the least probability; otherwise a clause asks
MOST_CLAUSES = 10  # that are classified: each costs some 30 ms
KEPT = 4_096
BEGINS = (  # with such a word "and" begins a clause: "the chair and the clock" is none
    r"(?:i|we|you|he|she|it|they|please|pls|then|also|could|can|would|will|may|what|where|when|how|who|which|do|does|is"
    r"|has|have|keep|send|return|cancel|swap|change|exchange|leave|refund|put|ship|take|give|make|pay|tell|let)"
)
CUT = re.compile(
    r"(?<!\d)[.!?;。！？；\n…]+|[.!?;。！？；\n…]+(?!\d)"
    r"|\bso(?= (?:it|they|this|these|those|please|pls|that (?:goes|has|must|needs|can|should))\b)"
    r"|(?=\b(?:i )?(?:just|only) (?:wan|need|ask|wonder)\w*)"  # "don't cancel it just wanna know ..."
    r"|(?<=[^\W\d_])[:：](?=\s*[^\W\d_])|\s\+\s|[，,]"
    r"|\((?=[^()]{0,60}\b(?:keep\w*|is|are|was|were|i|i'm|we)\b)"
    rf"|\b(?:and then|and also|and(?= {BEGINS}\b)|also|plus|besides|but)\b"
    r"|(?<=[\u4e00-\u9fff])[ \u3000]+(?=[\u4e00-\u9fff])"  # blanks are the commas of who types on a phone
    r"|然后|还有|另外(?!一?[张个件双台只副条款种])|顺便|同时|并且",
    re.IGNORECASE,
)
# A negation and a request in plain words are grammar; the vector of a negation is too like that of its opposite.
REFUSES = re.compile(
    r"\b(?:keeping|will keep|'ll keep) (?:it|them|that|this|those|these|the)\b|"
    r"\b(?:don'?t|do not|never|no need to|not) (?:want to |need to )?"
    r"(?:cancel|return|exchange|chang|touch|swap|refund|call)"
    r"|\b(?:don'?t|do not) (?:really )?(?:need|want) (?:an?|any|one of|to talk to) "
    r"[^,.]*\b(?:person|people|human|agent|staff)"
    r"|(?:别|不要|不用|不必|不需要|不想|没说要?)(?:再|给我|帮我|急着)?(?:取消|退|换|改|动|转)|不(?:退|换|取消|改|动)[了哈啊吧呀哦]*$",
    re.IGNORECASE,
)
IMPERATIVE = (
    r"(?:return|cancel|refund|swap|exchange|replace|change|drop|scrap|stop|make it"
    r"|send (?:it|them|me|this|the))"
)
REQUESTS = re.compile(
    r"^\W*(?:(?:and|so|but|then|ok|kindly|just|also|first|second|secondly|finally|lastly) )*(?:please\b"
    rf"|{IMPERATIVE}\b|(?:could|can|would|will|may|might) (?:i|you|we|one|it|they)\b"
    r"|i(?:'d| would) like you to\b|how (?:much|many|long)\b"
    r"|(?:where|how)(?:'?s| (?:is|are|was|were|do|does|did|can|will|would))\b)"
    r"|^\W*(?:both|all|the|one|two|my|these|those)\b[^,.;]{2,40}(?<!came)(?<!come)(?<!got)(?<!is)(?<!are) back\b"
    r"(?! (?:in|then|when|from|on|at|to)\b)"
    r"|(?:帮我|帮忙|(?<!借)给我(?!妈|爸|家|老|儿|女|们)|请(?!教|问一下$)|能不能|多少钱|什么时候|啥时候|买过什么"
    r"|[就只](?:是|想|想要)*(?:问|知道|看看))",
    re.IGNORECASE,
)
QUESTION = re.compile(r"\s*[?？]")
NOUN = re.compile(
    r"(?:的|那|这)一?[单个笔件副双台只](?:订单)?$|的订单$"
)  # what a clause is about: 没发货的那单 ...
NUMBER = re.compile(r"\d{3}")  # "order A100: cancel it" is one clause
LISTED = re.compile(r"(?:^|(?<=[\s:：,，.。;；]))([1-9])[.、)）:]?\s*(?=[^\W\d_])")
WORDS = re.compile(r"[^\W\d_\u4e00-\u9fff]+|[\u4e00-\u9fff]")
FEWEST = {"en": 3, "zh": 4}  # words or characters of a clause; less belongs to the clause beside it

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a text and its role."""

    begin: int
    end: int
    role: Role


def is_clause(text: str) -> bool:
    """Whether a piece of a text is long enough to be a clause of its own."""
    found = [match[0] for match in WORDS.finditer(text)]
    han = len([word for word in found if "\u4e00" <= word <= "\u9fff"])
    return han >= FEWEST["zh"] or len(found) - han + han // 2 >= FEWEST["en"]


@lru_cache(KEPT)
def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of a text in their order; one that asks for a text that is not cut."""
    spans: list[Span] = []
    for begin, end in _pieces(text):
        before = text[slice(*spans[-1])] if spans else ""
        if spans and (
            not (is_clause(text[begin:end]) and is_clause(before)) or NOUN.search(before)
        ):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    if len(spans) < 2:
        return (Clause(0, len(text), "asks"),)
    found = asking(roles([text[begin:end] for begin, end in spans]))
    return tuple(
        Clause(*span, "asks" if QUESTION.match(text, span[1]) else role)
        for span, role in zip(spans, found, strict=True)
    )


def asking(found: Sequence[Role]) -> list[Role]:
    """The roles of the clauses of a text; where none asks, those that tell do, or else all."""
    if "asks" in found:
        return list(found)
    return ["asks" if role == "tells" or "tells" not in found else role for role in found]


def _pieces(text: str) -> list[Span]:
    marks = list(LISTED.finditer(text))
    is_list = [mark[1] for mark in marks[:2]] == ["1", "2"]  # "1 ... 2 ..."
    found = [
        m for m in CUT.finditer(text) if m[0] not in ":：" or not NUMBER.search(text, 0, m.start())
    ]
    cuts = sorted(m.span() for m in (*found, *(marks if is_list else ())))
    ends = [(0, 0), *cuts, (len(text), len(text))]
    places = [(before[1], after[0]) for before, after in pairwise(ends)]
    return [(begin, end) for begin, end in places if text[begin:end].strip()]


def kept(text: str) -> list[Span]:
    """The places of the clauses that keep something, where another clause does not."""
    found = clauses(text)
    if all(clause.role == "keeps" for clause in found):
        return []
    return [(clause.begin, clause.end) for clause in found if clause.role == "keeps"]


def roles(some: Sequence[str]) -> list[Role]:
    """The role of each clause; the last of very many ask."""
    return [role(text) if n < MOST_CLAUSES else "asks" for n, text in enumerate(some)]


def role(clause: str) -> Role:
    """What a clause is for."""
    if REFUSES.search(clause):
        return "keeps"
    return "asks" if REQUESTS.search(clause) else _role(plain(clause))


def plain(clause: str) -> str:
    """The clause as its role is found."""
    return " ".join(without_courtesy(clause.lower()).strip(" \t,，、.。!！?？;；:：").split())


@lru_cache(KEPT)
def _role(clause: str) -> Role:
    fitted = _model()
    found = dict(zip(fitted.linear.classes_, fitted.chances([clause])[0], strict=True))
    best: Role = max(found, key=lambda name: found[name])
    return best if found[best] >= SURE[best] else "asks"


@dataclass(frozen=True, slots=True)
class RoleModel:
    """A fitted classifier of clauses; `middle` of the vectors is None without them."""

    pieces: TfidfVectorizer
    linear: LogisticRegression
    middle: Vector | None

    def chances(self, texts: Sequence[str]) -> Any:
        """For each text a row with the probability of each role."""
        with one_thread():
            return self.linear.predict_proba(_features(self, texts))


def _features(model: RoleModel, texts: Sequence[str]) -> Any:
    found = model.pieces.transform(texts)
    if model.middle is None:
        return found
    meaning = csr_matrix((known_vectors(texts) - model.middle) * WEIGHT)
    return hstack([found, meaning]).tocsr()


def examples() -> list[tuple[str, Role]]:
    """Every example and its role."""
    spoken = yaml.safe_load(ROLES.read_text("utf-8"))
    return [
        (plain(text), name)
        for known in spoken.values()
        for name, texts in known.items()
        for text in texts
    ]


def fit(texts: Sequence[str], names: Sequence[str]) -> RoleModel:
    """A classifier of these examples, each of which has a name."""
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True).fit(texts)
    linear = LogisticRegression(C=C, max_iter=2_000, class_weight="balanced")
    middle = np.asarray(known_vectors(texts).mean(axis=0)) if is_available() else None
    model = RoleModel(pieces, linear, middle)
    with one_thread():
        linear.fit(_features(model, texts), names)
    return model


@cache
def _model() -> RoleModel:
    texts, names = zip(*examples(), strict=True)
    return fit(texts, names)
