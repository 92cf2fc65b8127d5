"""Words as people type them in a hurry, and as they are written: "u", "ur", "havent", 咋, 啥.

Only what is classified is written out so: whether a text is a yes is read in what was typed.
"""

import re
from collections.abc import Mapping

TYPED: Mapping[str, str] = {
    "u": "you", "ur": "your", "r": "are", "w": "with", "n": "and", "tho": "though", "cuz": "because",
    "bc": "because", "smth": "something", "sth": "something", "idk": "I do not know", "wanna": "want to",
    "gonna": "going to", "gotta": "have to", "lemme": "let me", "gimme": "give me", "havent": "haven't",
    "hasnt": "hasn't", "isnt": "isn't", "arent": "aren't", "doesnt": "doesn't", "didnt": "didn't", "cant": "can't",
    "wont": "won't", "whats": "what's", "wheres": "where's", "hows": "how's", "thats": "that's", "im": "I'm",
    "ive": "I've", "b4": "before", "2day": "today", "abt": "about", "rn": "right now", "btw": "by the way",
    "dont": "don't", "pls": "please", "plz": "please", "thx": "thanks", "ty": "thank you",
}  # fmt: skip
SHORT = {"r", "w", "n"}  # letters that can be a size or an answer: only between words
WORD = re.compile(r"(?<![\w'@./-])[A-Za-z]\w{0,5}(?![\w'@/-])", re.ASCII)
TYPED_ZH: Mapping[str, str] = {
    "木有": "没有", "咋样": "怎么样", "咋": "怎么", "干啥": "干什么", "啥时候": "什么时候", "为啥": "为什么",
    "啥": "什么", "不行不": "行不行", "行不": "行吗", "表酱": "别这样",
}  # fmt: skip
ANY_ZH = re.compile("|".join(sorted(map(re.escape, TYPED_ZH), key=len, reverse=True)))


def written_out(text: str) -> str:
    """The text with words as they are written."""
    return ANY_ZH.sub(lambda found: TYPED_ZH[found[0]], WORD.sub(_word, text))


def _word(found: re.Match[str]) -> str:
    low = found[0].lower()
    is_between = bool(found.string[: found.start()].strip() and found.string[found.end() :].strip())
    return TYPED.get(low, found[0]) if low not in SHORT or is_between else found[0]
