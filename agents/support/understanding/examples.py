"""The examples of the classifier: utterances of this project, and public chatter as out of scope."""

from functools import cache
from pathlib import Path
from typing import get_args

import yaml

from agents.support.models import IntentName, Language
from agents.support.understanding.chatter import chatter
from agents.support.understanding.slots import to_classify

UTTERANCES = Path(__file__).parent / "utterances"


def utterances(language: Language) -> dict[IntentName, list[str]]:
    """The utterances of a language that were written for this project, by intent."""
    found: dict[IntentName, list[str]] = yaml.safe_load(
        (UTTERANCES / f"{language}.yaml").read_text("utf-8")
    )
    assert found.keys() == set(get_args(IntentName))
    return found


@cache
def training() -> tuple[tuple[str, IntentName], ...]:
    """Every example without numbers and addresses, and its intent."""
    found: dict[str, IntentName] = {}
    for language in get_args(Language):
        for text in chatter(language):
            found[to_classify(text)] = "out_of_scope"
        for name, texts in utterances(language).items():
            found |= {to_classify(text): name for text in texts}
    return tuple(found.items())
