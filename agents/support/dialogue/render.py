"""What is said, in English and Chinese; every sentence is a fact of a tool, a passage or a question."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from agents.support.models import (
    AwaitedChange,
    ChangeOutcome,
    Decided,
    Language,
    Part,
    Phrased,
    Replied,
)

NOTHING = Phrased()
SAYINGS = Path(__file__).parent / "sayings.yaml"
MARKDOWN = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
ADDRESS = re.compile(r"(?:https?|ftp|data|javascript):\S+|<[^>]*>", re.IGNORECASE)
NAMED = {"status": "status", "task": "task", "option 1": "task", "option 2": "task"}


def reply(
    language: Language, decided: Decided, result: ChangeOutcome, phrased: Phrased = NOTHING
) -> Replied:
    """The answer to a turn, in a model's words where there are such, and what is remembered of it."""
    parts = [*decided.parts]
    if decided.request is not None:
        parts += [_result(decided, result), *decided.then]
    told = (
        phrased.text if part.passage is not None and phrased.text else say(part, language)
        for part in parts
    )
    text = without_links(" ".join(told))
    citations = phrased.citations or tuple(
        part.passage.source for part in parts if part.passage is not None
    )
    repeated = decided.reason == "repeated"
    said = decided.after.said if repeated else text
    awaited = (*decided.after.awaited, *_awaited(decided, result))
    after = decided.after.model_copy(update={"said": said, "awaited": awaited})
    return Replied(text=text, citations=citations, after=after)


def _awaited(decided: Decided, result: ChangeOutcome) -> tuple[AwaitedChange, ...]:
    """The change of this turn, if its result will be reported later."""
    if result.outcome != "waiting":
        return ()
    order = getattr(decided.request, "order", "")
    return (AwaitedChange(change=result.change, task=decided.reason, order=order),)


def without_links(text: str) -> str:
    """The text with nothing in it that a screen would load or open: names of goods are not ours."""
    return ADDRESS.sub("[link]", MARKDOWN.sub(r"\1", text))


def say(part: Part, language: Language) -> str:
    """One part in words."""
    if part.passage is not None:
        return part.passage.text
    template = _words("sayings", language).get(part.saying)
    if template is None:
        template = _words("sayings", language)["refused other"]
    # Values are put in once, whatever they contain: a brace that a user wrote is not looked at.
    return template.format_map(_named(part.values, language))


def sayings(language: Language) -> tuple[str, ...]:
    """Everything that can be said, with names in braces for the facts in it."""
    return tuple(_words("sayings", language).values())


def _named(values: Mapping[str, str], language: Language) -> dict[str, str]:
    return {
        name: _words(NAMED[name], language).get(value, value) if name in NAMED else value
        for name, value in values.items()
    }


def _result(decided: Decided, result: ChangeOutcome) -> Part:
    assert decided.request is not None
    order = getattr(decided.request, "order", "")
    if result.outcome == "refused":
        return Part(saying=f"refused {result.rule}", values={"subject": order or result.rule})
    if result.outcome == "waiting":
        return Part(saying="waiting")
    return Part(saying=f"done {decided.reason}", values={"order": order})


@cache
def _words(kind: str, language: Language) -> dict[str, str]:
    told: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(SAYINGS.read_text("utf-8"))
    return told[kind][language]
