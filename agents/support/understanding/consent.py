"""Whether a message is a plain yes or a plain no to a question. Rules, no model.

A yes is a closed grammar: the whole message consists of consents and courtesies. A classifier can take a
doubt for a yes, a grammar can only miss a yes; then the question is asked again and nothing is changed.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from typing import Literal

from agents.support.models import TaskName
from agents.support.understanding.agreement import (
    ways_to_agree,
    ways_to_hesitate,
    words_beside,
    words_for,
)

Verdict = Literal["yes", "no", "neither"]

REFUSALS = (
    "no", "nope", "nah", "no way", "n", "dont", "do not", "dont do it", "dont do that", "do not do it",
    "do not do that", "never mind", "nevermind", "stop", "stop it", "forget it", "forget about it", "leave it",
    "leave it as it is", "leave everything", "rather not", "i would rather not", "id rather not", "better not",
    "i changed my mind", "ive changed my mind", "i have changed my mind", "keep it", "i want to keep it",
    "id like to keep it", "i would like to keep it", "not now", "i dont want to", "i do not want to",
    "i dont want that", "i do not want that", "i dont", "i do not",
    "不", "不是", "不对", "不要", "不用", "不行", "不可以", "不同意", "不确认", "不需要", "别", "算", "还是别",
    "还是不要", "还是不用", "还是算", "先不要", "先不", "先别", "我改主意", "我不想", "我不要", "不想", "不办", "别办",
    "别动", "先别动", "别弄", "不了",
)  # fmt: skip
NAMING = {"it is", "是"}  # "it is A100" names the order, and is no yes to the question about it
PARTICLES = ("了", "吧", "的", "啊", "呀")
BETWEEN = frozenset(' ,，、.。!！~～;；:：-–—()（）"“”')
REFUSAL = frozenset(
    (*REFUSALS, *(word + end for word in REFUSALS if not word.isascii() for end in PARTICLES))
)
SHORT = {"n"}  # also short for "and"
CLAUSES = re.compile(r"[,，、.。!！;；~～\n]+")
# Apostrophes, the colour and the form of an emoji.
LOOKS = re.compile("['’‘`´\ufe0f\U0001f3fb-\U0001f3ff]")
WORD = re.compile(r"(?<![\w-])[a-z]+(?![\w-])")
DRAWN_OUT = re.compile(r"(.)\1{2,}")
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
LONGEST, LONGEST_CHINESE = 70, 20  # characters of a phrase
INTERJECTION = re.compile(
    r"^(?:(?:h+m+|e+r+m*|u+[hm]+|well|actually|ok|okay|so|but|because|呃+|额+|唔+|嗯+|哎呀?|那个|那)[ …,]*)+"
)
# Words that only stress what is said, wherever they stand.
EMPHASIS = re.compile(
    r" ?\b(?:absolutely|certainly|definitely|entirely|completely|totally|exactly|fully|perfectly|quite|really|very"
    r"|wholeheartedly|(?:100|one hundred|a hundred) ?(?:%|percent))(?![\w-])|非常|完全|绝对|百分之?百|十分"
)
# A question or an unfinished sentence; consents that together are none: "yeah, right", 要是 (if), 好是好 (good, but),
# 需要确认 (has to be checked) and 对哦 (now I see).
UNSURE = re.compile(
    r"[?？…]|\.\.|。。|^\W*(?:yeah|yea|ya|yeh|oh|sure)\W+right\W*$|要是|需要?确[认定]|[是对][哦喔]"
    r"|(好|行|对|成|要|可以|同意)的?是\1"
)


def verdict(text: str, task: TaskName, order: str, goods: Collection[str] = ()) -> Verdict:
    """Whether the text is a plain yes or a plain no to the question of a task about that order.

    `goods` are the words for what the question is about: "return the lamp" is then like "return it". A no
    begins with a refusal, and no part of it is a consent. Every other text is neither, and so is a question or
    an unfinished sentence.
    """
    plain = _plain(text)
    if UNSURE.search(plain):
        return "neither"
    asked, number = words_for(task), order.lower()
    short = _with_pronouns(plain, goods)
    if any(_is_consent(one, asked, number) for one in (short, EMPHASIS.sub("", short))):
        return "yes"
    clauses = [clause.strip() for clause in CLAUSES.split(plain) if clause.strip()]
    read = [_taken(clause, REFUSAL, words_beside(), asked, {number}) for clause in clauses]
    first = next((one for one in read if not one[0] <= words_beside() or one[1]), (set[str](), ""))
    agreed = any(_is_consent(clause, asked, number) for clause in clauses)
    return "no" if first[0] & REFUSAL and not first[1] and not agreed else "neither"


def refuses(text: str, task: TaskName) -> bool:
    """Whether a clause of the text says that the task shall not be done, and nothing else: "well, don't return it"."""
    refusing, asked = REFUSAL - SHORT, words_for(task)
    for part in CLAUSES.split(_plain(text)):
        clause = INTERJECTION.sub("", part.strip())
        found, rest = _taken(clause, refusing, asked, words_beside())
        if found & refusing and found & asked and not rest:
            return True
    return False


def hesitates(text: str) -> bool:
    """Whether the text says that its writer wants to think about it first, and asks nothing."""
    plain = _plain(text)
    return not re.search(r"[?？]", plain) and ways_to_hesitate().search(plain) is not None


def _with_pronouns(plain: str, goods: Collection[str]) -> str:
    """The text with "it" in place of the goods in question: "the red lamp" and "it" are the same then."""
    words = sorted(map(_plain, goods), key=len, reverse=True)
    latin = "|".join(re.escape(word) for word in words if word.isascii())
    others = "|".join(re.escape(word) for word in words if not word.isascii())
    if latin:
        word = rf"(?:{latin}|ones?|pair)(?![\w-])"
        plain = re.sub(
            rf"(?<![\w-])(?:the|my|this|that|these|those) (?:(?:{latin})(?![\w-])[ ,]*)*{word}",
            "it",
            plain,
        )
    if others:
        plain = re.sub(
            rf"(?:这|那)?(?:个|件|台|双|只)?(?:(?:{others})的?)+(?:那)?(?:个|件|台|双|只|款)?",
            "它",
            plain,
        )
    return plain


def begins_with_no(text: str) -> bool:
    """Whether a text begins with a refusal, whatever follows: "no no, I was only asking"."""
    found, _ = _taken(_plain(text), REFUSAL - SHORT, words_beside())
    return bool(found & REFUSAL)


def _is_consent(plain: str, asked: AbstractSet[str], number: str) -> bool:
    """Whether the text can be cut into consents, at least one, and what may stand beside them."""
    names = bool(number) and number in plain
    reached = {0: False}  # the place behind the phrases so far -> whether one of them is a consent
    for place in range(len(plain)):
        if place not in reached:
            continue
        for phrase in _beginnings(plain, place):
            agrees = phrase in ways_to_agree() and not (names and phrase in NAMING)
            beside = phrase in words_beside() or phrase in asked or phrase in BETWEEN
            if agrees or beside or phrase == number or phrase in NAMING:
                end = place + len(phrase)
                reached[end] = reached.get(end, False) or reached[place] or agrees
    return reached.get(len(plain), False)


def _plain(text: str) -> str:
    """The text in small letters with single blanks, without apostrophes; "yesss" is "yes"."""
    folded = LOOKS.sub("", unicodedata.normalize("NFKC", text).lower())
    short = WORD.sub(lambda word: DRAWN_OUT.sub(r"\1", word[0]), folded)
    return " ".join(short.split())


def _taken(text: str, *kinds: AbstractSet[str]) -> tuple[set[str], str]:
    """The phrases with which the text begins, one after the other, the longest first; and the rest."""
    found, place = set[str](), 0
    while place < len(text):
        if text[place] in BETWEEN:
            place += 1
            continue
        phrase = next((one for one in _beginnings(text, place) if any(one in k for k in kinds)), "")
        if not phrase:
            break
        found.add(phrase)
        place += len(phrase)
    return found, text[place:]


def _beginnings(text: str, place: int) -> Iterator[str]:
    """What begins at the place, the longest first; a word of letters is never cut."""
    longest = LONGEST if text[place].isascii() else LONGEST_CHINESE
    for end in range(min(len(text), place + longest), place, -1):
        begin = text[place:end]
        is_cut = begin[-1] in LETTERS and text[end : end + 1] in LETTERS
        if not (is_cut and begin.isascii()):
            yield begin
