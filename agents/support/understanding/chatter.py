"""What people say to a machine that is no shop's business: two corpora of others, read where installed.

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
MOST = 5  # of a topic
HOUSE = 40
LONGEST = 80
PLAIN = re.compile(r"[\w\s',.?!，。？！\u4e00-\u9fff]+")


@cache
def chatter(language: Language) -> tuple[str, ...]:
    """Some sentences of every topic, always the same."""
    folder, house = FOLDERS[language]
    return (*_talk(_at("chatterbot_corpus") / "data" / folder), *_orders_to_a_house(house))


def _talk(folder: Path) -> list[str]:
    told: list[str] = []
    for topic in TOPICS:
        path = folder / f"{topic}.yml"
        if not path.is_file():
            continue
        heard = yaml.safe_load(path.read_text("utf-8"))["conversations"]
        asked = dict.fromkeys(str(lines[0]) for lines in heard if lines)
        fitting = [text for text in asked if 3 < len(text) < LONGEST]
        told += fitting[:: max(1, len(fitting) // MOST)][:MOST]
    return told


def _orders_to_a_house(name: str) -> list[str]:
    """Sentences without a gap to fill."""
    path = _at("home_assistant_intents") / "data" / f"{name}.json"
    intents = orjson.loads(path.read_bytes())["intents"]
    intents.pop("HassNevermind", None)  # that is said in a shop, too
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
