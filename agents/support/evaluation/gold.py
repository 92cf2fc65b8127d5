"""The gold set: utterances, questions and dialogues that no example of the classifier was written from.

But the utterances that were misunderstood were looked at before the last examples were written.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agents.support.models import IntentName, Language

GOLD = Path(__file__).parent / "gold"


@dataclass(frozen=True, slots=True)
class Question:
    """A customer's question, and the source of the passage that answers it, or "none"."""

    text: str
    language: Language
    passage: str


@dataclass(frozen=True, slots=True)
class ScriptedTurn:
    """A turn of a scripted user, and the expected answer; a field left empty is not compared."""

    says: str
    action: str = ""
    has: str = ""
    handoff: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A user with an aim: `order` is the state of the order before, `ends` its state afterwards."""

    name: str
    language: Language
    order: str
    turns: tuple[ScriptedTurn, ...]
    ends: str = ""
    escalates: bool = False


@cache
def intents() -> tuple[tuple[str, IntentName, Language], ...]:
    """Every utterance with its intent and language."""
    by_language = _read("intents.yaml")
    return tuple(
        (text, name, language)
        for language, by_name in by_language.items()
        for name, texts in by_name.items()
        for text in texts
    )


@cache
def questions() -> tuple[Question, ...]:
    """Every question with the passage that answers it."""
    return tuple(
        Question(text, language, passage)
        for language, by_passage in _read("questions.yaml").items()
        for passage, texts in by_passage.items()
        for text in texts
    )


@cache
def scripts() -> tuple[Script, ...]:
    """Every scripted user."""
    return tuple(
        Script(**(script | {"turns": tuple(ScriptedTurn(**turn) for turn in script["turns"])}))
        for script in _read("dialogues.yaml")
    )


def _read(name: str) -> Any:
    return yaml.safe_load((GOLD / name).read_text("utf-8"))
