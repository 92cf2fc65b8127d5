"""The ways to agree, of `agreement.yaml`. All phrases of its templates are listed here: the grammar is closed."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agents.support.models import TaskName

WAYS = Path(__file__).parent / "agreement.yaml"
PIECES = re.compile(r"[()|]|[^()|]+")
PART = re.compile(r"<([^<>]+)>")


@cache
def ways_to_agree() -> frozenset[str]:
    """Every phrase that is a consent, in small letters, without apostrophes."""
    return frozenset(phrase for template in _ways()["agreeing"] for phrase in phrases(template))


@cache
def words_beside() -> frozenset[str]:
    """What may stand beside a consent, such as thanks and praise, and alone is none."""
    return frozenset(phrase for template in _ways()["beside"] for phrase in phrases(template))


@cache
def ways_to_hesitate() -> re.Pattern[str]:
    """Finds what says that the customer has to think first, in small letters, without apostrophes."""
    found = {phrase for template in _ways()["hesitating"] for phrase in phrases(template)}
    latin = "|".join(map(re.escape, sorted(p for p in found if p.isascii())))
    others = "|".join(map(re.escape, sorted(p for p in found if not p.isascii())))
    return re.compile(rf"\b(?:{latin})\b|{others}")


@cache
def words_for(task: TaskName) -> frozenset[str]:
    """What the question of this task asks for, as it may follow a consent to it."""
    templates = [
        before + asked
        for before in _ways()["before asked"]
        for asked in _ways()["asked"].get(task, ())
        if before.isascii() == asked.isascii()
    ]
    return frozenset(phrase for template in templates for phrase in phrases(template))


def phrases(template: str) -> set[str]:
    """Every phrase of a template, with single blanks between its words."""
    while PART.search(template):
        template = PART.sub(lambda part: f"({_ways()['parts'][part[1]]})", template)
    return {" ".join(phrase.split()) for phrase in _alternatives(iter(PIECES.findall(template)))}


def _alternatives(pieces: Iterator[str]) -> list[str]:
    """What the pieces can be, up to the end or to the bracket that closes."""
    found, now = list[str](), [""]
    for piece in pieces:
        match piece:
            case ")":
                break
            case "|":
                found, now = found + now, [""]
            case _:
                ends = _alternatives(pieces) if piece == "(" else [piece]
                now = [begin + end for begin in now for end in ends]
    return found + now


@cache
def _ways() -> Any:
    return yaml.safe_load(WAYS.read_text("utf-8"))
