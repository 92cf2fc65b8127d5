"""Examples of what a shop does not answer, from two public corpora, read where they are installed.

Small talk and trivia of chatterbot-corpus (BSD), commands to a house of home-assistant-intents
(Apache-2.0).
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import orjson
import yaml

from agents.support.models import Language

TOPICS = (
    "ai", "emotion", "food", "gossip", "history", "humor", "literature", "money",
    "movies", "politics", "psychology", "science", "sports", "trivia",
)  # fmt: skip
FOLDERS = {"en": ("english", "en"), "zh": ("chinese", "zh-CN")}
MOST = 60  # of a topic
HOUSE = 300
LONGEST = 80
PLAIN = re.compile(r"[\w\s',.?!，。？！\u4e00-\u9fff]+")


@cache
def chatter(language: Language) -> tuple[str, ...]:
    """Some sentences of every topic, the same at every call."""
    folder, house = FOLDERS[language]
    return (*_talk(_at("chatterbot_corpus") / "data" / folder), *_house_commands(house))


def _talk(folder: Path) -> list[str]:
    found: list[str] = []
    for topic in TOPICS:
        path = folder / f"{topic}.yml"
        if not path.is_file():
            continue
        conversations = yaml.safe_load(path.read_text("utf-8"))["conversations"]
        asked = dict.fromkeys(str(lines[0]) for lines in conversations if lines)
        fitting = [text for text in asked if 3 < len(text) < LONGEST]
        found += fitting[:: max(1, len(fitting) // MOST)][:MOST]
    return found


def _house_commands(name: str) -> list[str]:
    """Commands to a house, of those that have no gap to fill."""
    path = _at("home_assistant_intents") / "data" / f"{name}.json"
    intents = orjson.loads(path.read_bytes())["intents"]
    intents.pop("HassNevermind", None)  # customers of a shop say that, too
    patterns = [s for intent in intents.values() for d in intent["data"] for s in d["sentences"]]
    plain = [text for text in map(_unfolded, patterns) if PLAIN.fullmatch(text)]
    return list(dict.fromkeys(plain))[:HOUSE]


def _unfolded(pattern: str) -> str:
    """The first form of a pattern such as "(turn|switch) on [all] lights"."""
    text = re.sub(r"\[[^\[\]]*\]", "", pattern)
    for _ in range(3):
        text = re.sub(r"\(([^()|]*)(?:\|[^()]*)?\)", r"\1", text)
    return " ".join(text.split())


def _at(package: str) -> Path:
    found = find_spec(package)
    assert found is not None, package
    assert found.origin is not None, package
    return Path(found.origin).parent
