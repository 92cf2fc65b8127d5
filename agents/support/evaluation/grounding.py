"""Whether every word of an answer stands somewhere: in a passage it cites, or in a saying of ours."""

import re
from collections.abc import Sequence
from functools import cache

from agents.support.dialogue.render import sayings
from agents.support.knowledge.retrieve import readable
from agents.support.models import Language

FIELD = re.compile(r"\\\{[^{}]*\\\}")


def unsupported(text: str, citations: Sequence[str], language: Language) -> str:
    """What is left of an answer without its passages and sayings; nothing, if all of it stands."""
    for passage in readable(language):
        if passage.source in citations:
            text = text.replace(passage.text, " ")
    for pattern in _sayings(language):
        text = pattern.sub(" ", text)
    return text.strip()


@cache
def _sayings(language: Language) -> tuple[re.Pattern[str], ...]:
    """Every saying with gaps for its facts, the longest first; one that is all gap says nothing."""
    told = sorted(sayings(language), key=len, reverse=True)
    gaps = (FIELD.sub("(?:.*?)", re.escape(text)) for text in told if text != "{said}")
    return tuple(re.compile(pattern, re.DOTALL) for pattern in gaps)
