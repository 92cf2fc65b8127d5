"""Words as they are written, and slips in those that a shop acts on: "cancle", "everythng", "the dumbells".

What is typed in a hurry is written out, see `chat.py`. Only names of goods and a few verbs are corrected, and only
where a word is known from no example. A yes or a no never comes from a correction, and an address stays as it is.
"""

import re
from difflib import get_close_matches
from functools import cache

from agents.shop.catalogue import catalogue
from agents.support.understanding.addresses import address_in
from agents.support.understanding.chat import written_out
from agents.support.understanding.examples import training
from agents.support.understanding.names import names_of

VERBS = (
    "cancel", "return", "exchange", "refund", "order", "orders", "everything", "except", "address", "payment",
    "deliver", "delivery", "shipping", "shipped", "tracking",
)  # fmt: skip
WORD = re.compile(r"(?<![\w@./-])[A-Za-z]{5,}(?![\w@/-])")
ALIKE = 0.85  # share of the letters that two words have in common, from 0 to 1
SWAPPED = 0.83  # of words with the same letters: "cancle"


def corrected(text: str) -> str:
    """The text as it is written, with slips in names of goods and in verbs of the shop mended; an address stays."""
    text = written_out(text)
    if not WORD.search(text) or address_in(text) is not None:
        return text
    return WORD.sub(lambda word: _corrected(word[0]), text)


def _corrected(word: str) -> str:
    low = word.lower()
    if low in _known():
        return word
    for target in get_close_matches(low, _targets(), n=1, cutoff=SWAPPED):
        close = get_close_matches(low, [target], cutoff=ALIKE) or sorted(low) == sorted(target)
        if close and low[0] == target[0] and not low.startswith(target):
            return target
    return word


@cache
def _targets() -> tuple[str, ...]:
    words = {w.lower() for v in catalogue().values() for n in names_of(v) for w in WORD.findall(n)}
    return tuple(sorted(words | {f"{word}s" for word in words} | set(VERBS)))


@cache
def _known() -> frozenset[str]:
    texts = [text for text, _ in training()]
    return frozenset(word.lower() for text in texts for word in WORD.findall(text)) | set(
        _targets()
    )
