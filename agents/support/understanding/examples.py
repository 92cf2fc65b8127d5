"""The examples of the classifier: utterances of this project, and public chatter as out of scope.

What the world asks of others than a shop is built by rule from `world.yaml`: frames and the words in them. The
world outside has more kinds of sentences than a list: different subjects count more than different sentences.
"""

from functools import cache
from pathlib import Path
from typing import get_args

import yaml

from agents.support.models import IntentName, Language
from agents.support.understanding.chatter import chatter
from agents.support.understanding.slots import to_classify

OUT: IntentName = "out_of_scope"
GAP = "_"  # of a frame, for a word
UTTERANCES = Path(__file__).parent / "utterances"


def utterances(language: Language) -> dict[str, list[str]]:
    """The utterances of a language that were written for this project, by intent or by one topic of it.

    The name of a topic is "intent/topic": "knowledge/fees" are questions about one of our rules.
    """
    known: dict[str, list[str] | dict[str, list[str]]] = yaml.safe_load(
        (UTTERANCES / f"{language}.yaml").read_text("utf-8")
    )
    assert known.keys() == set(get_args(IntentName))
    found: dict[str, list[str]] = {}
    for name, texts in known.items():
        topics = {"": texts} if isinstance(texts, list) else texts
        found |= {f"{name}/{topic}".rstrip("/"): some for topic, some in topics.items()}
    return found | facts(language)


def facts(language: Language) -> dict[str, list[str]]:
    """Utterances that ask for one fact of an order, by intent and fact: "order_contents/price"."""
    found: dict[str, list[str]] = yaml.safe_load((UTTERANCES / "facts.yaml").read_text("utf-8"))[
        language
    ]
    return found


def world(language: Language) -> list[str]:
    """Sentences of a language about what others than a shop are asked."""
    groups = yaml.safe_load((UTTERANCES / "world.yaml").read_text("utf-8"))[language]
    return [
        frame.replace(GAP, word)
        for group in groups
        for frame in group["asked"]
        for word in group["words"]
    ]


@cache
def training() -> tuple[tuple[str, str], ...]:
    """Every example without numbers and addresses, and its intent or the topic of it."""
    found: dict[str, str] = {}
    for language in get_args(Language):
        for text in (*chatter(language), *world(language)):
            found[to_classify(text)] = OUT
        for name, texts in utterances(language).items():
            found |= {to_classify(text): name for text in texts}
    return tuple(found.items())
