"""The language of an answer: that of most words of the turn, and for a word or two that of the turn before."""

import re

from agents.support.models import Dialogue, Language, Understood
from agents.support.understanding.slots import without_names

WORD = re.compile(r"[a-z][a-z'’]*", re.IGNORECASE)
HAN = re.compile(r"[\u4e00-\u9fff]")
HAN_IN_A_WORD = 2  # characters that are about one word of English
FEW = 1  # words that do not change the language: "ok", "Laptop"


def language(text: str, understood: Understood, before: Dialogue) -> Language:
    """The language to answer in; numbers, names of orders and a single word keep that of before."""
    if before.language and before.task is not None and before.task.asked == "address":
        return before.language  # an address is written as its country does
    rest = without_names(text)
    english, chinese = len(WORD.findall(rest)), len(HAN.findall(rest)) / HAN_IN_A_WORD
    if before.language and (understood.wordless or (english <= FEW and not chinese)):
        return before.language
    if not chinese or not english:
        return understood.language
    return "zh" if chinese >= english or _begins_in_chinese(rest) else "en"


def _begins_in_chinese(text: str) -> bool:
    """Whether a text of both scripts begins in Chinese, so that English names stand inside it."""
    letters = [character for character in text if character.isalpha()]
    return bool(HAN.match(letters[0]))
