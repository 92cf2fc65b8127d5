"""Groundedness: whether every word of an answer is in a passage that it cites, or in a template."""

import re
from collections.abc import Sequence
from functools import cache

from agents.support.dialogue.render import templates
from agents.support.knowledge.retrieve import readable
from agents.support.models import Language

FIELD = re.compile(r"\\\{[^{}]*\\\}")


def unsupported(text: str, citations: Sequence[str], language: Language) -> str:
    """The rest of an answer without its passages and templates; "" for a grounded answer."""
    for passage in readable(language):
        if passage.source in citations:
            text = text.replace(passage.text, " ")
    for pattern in _patterns(language):
        text = pattern.sub(" ", text)
    return text.strip()


@cache
def _patterns(language: Language) -> tuple[re.Pattern[str], ...]:
    """A pattern for every template, the longest first; a template that is one gap would match all."""
    longest_first = sorted(templates(language), key=len, reverse=True)
    patterns = (FIELD.sub("(?:.*?)", re.escape(t)) for t in longest_first if t != "{said}")
    return tuple(re.compile(pattern, re.DOTALL) for pattern in patterns)
