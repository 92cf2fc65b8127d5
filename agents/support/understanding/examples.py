"""What the classifier learns from: utterances of this project, and chatter of others as out of scope."""

from functools import cache
from pathlib import Path
from typing import get_args

import yaml

from agents.support.models import IntentName, Language
from agents.support.understanding.chatter import chatter
from agents.support.understanding.slots import without_names

UTTERANCES = Path(__file__).parent / "utterances"


def utterances(language: Language) -> dict[IntentName, list[str]]:
    """Those written for this project, by intent."""
    told: dict[IntentName, list[str]] = yaml.safe_load(
        (UTTERANCES / f"{language}.yaml").read_text("utf-8")
    )
    assert told.keys() == set(get_args(IntentName))
    return told


@cache
def training() -> tuple[tuple[str, IntentName], ...]:
    """Every text to learn from, without numbers and addresses, and its intent."""
    told: dict[str, IntentName] = {}
    for language in get_args(Language):
        for text in chatter(language):
            told[without_names(text)] = "out_of_scope"
        for name, texts in utterances(language).items():
            told |= {without_names(text): name for text in texts}
    return tuple(told.items())
