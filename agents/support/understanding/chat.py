"""Words as people type them in a hurry, and as they are written: "u", "havent", "b4", 咋, 康康, 多少刀.

`typed.yaml` lists them. Nothing is written out within an address, a number, or the name of goods.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agents.support.understanding.addresses import address_in

TYPED = Path(__file__).parent / "typed.yaml"
HAN = re.compile(r"[\u4e00-\u9fff]")
WORD = re.compile(
    r"(?<![\w'@./\u4e00-\u9fff-])[A-Za-z0-9]\w{0,9}(?![\w'@/\u4e00-\u9fff-])", re.ASCII
)
# Before another word, and at the beginning of a sentence only before one that a sentence begins with.
NEXT = re.compile(r" (?:[a-z][a-z']|i\b)")
FIRST = re.compile(
    r" (?:how|what|when|where|why|who|which|is|are|was|were|can|could|do|does|did|will|would|the|my|your|that|this"
    r"|these|those|it|i|you|they|also|if|both)\b"
)
BEGINS = re.compile(r"(?:^|[.!?;\n])\s*$")
BEHIND_NAME = re.compile(r"(?:\d|\b(?:sizes?|model|type|option|letter|or))\W*$", re.IGNORECASE)
# What only sounds: laughter, hesitation.
SOUNDS = re.compile(
    r"\b(?:lol|lmao|rofl|(?:ha){2,}h?|(?:he){2,}|h{2,}m*|hm+|u+m+|uh+m?|er+m+|em+)\b(?!['-])"
    r"|(?<![A-Za-z])(?:h{2,}|em{2,})(?![A-Za-z])|哈{2,}|嘿{2,}|(?<!\d)23{2,}(?!\d)|[唔呃]+(?=[\W…]|$)",
    re.IGNORECASE,
)


def written_out(text: str) -> str:
    """The text with words as they are written."""
    known = address_in(text)
    if known is None:
        return _written(text)
    found, place = "", 0
    for begin, end in sorted(known[1]):
        found += _written(text[place:begin]) + text[begin:end]
        place = end
    return found + _written(text[place:])


def without_sounds(text: str) -> str:
    """The text without laughter, hesitation and pictures; as it is if it has nothing else."""
    rest = SOUNDS.sub(" ", text)
    rest = "".join(" " if unicodedata.category(c) in ("So", "Sk", "Cf") else c for c in rest)
    rest = " ".join(rest.split()).lstrip(" ,，.。…")
    return rest if any(c.isalnum() for c in rest) else text


def _written(text: str) -> str:
    written = WORD.sub(_word, text)
    if not HAN.search(written):
        return written
    for pattern, written_so in _patterns():
        written = pattern.sub(written_so, written)
    return written


def _word(found: re.Match[str]) -> str:
    typed, low = found[0], found[0].lower()
    before, after = found.string[: found.start()], found.string[found.end() :]
    if low in _typed()["en"]["letters"]:
        joins = (FIRST if BEGINS.search(before) else NEXT).match(after)
        is_word = typed == low and joins and not BEHIND_NAME.search(before)
        return str(_typed()["en"]["letters"][low]) if is_word else typed
    if len(typed) == 1 and typed != low:
        return typed  # "plan U", "U.S."
    return str(_typed()["en"]["words"].get(low, typed))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is written otherwise in Chinese, the longest words first."""
    words = sorted(_typed()["zh"]["words"].items(), key=lambda one: -len(one[0]))
    plain = [
        (rf"(?<![A-Za-z0-9]){typed}(?![A-Za-z0-9])" if typed.isascii() else typed, written)
        for typed, written in words
    ]
    return tuple((re.compile(source), so) for source, so in (*plain, *_typed()["zh"]["patterns"]))


@cache
def _typed() -> Any:
    return yaml.safe_load(TYPED.read_text("utf-8"))
