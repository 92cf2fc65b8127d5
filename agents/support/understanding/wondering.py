"""Whether a text only asks about a change, and does not want it now: "could I still cancel it if I had to?".

A linear model over the vector of the text and over pieces of its words, like that of `roles.py`. It learns from the
examples of `wondering.yaml`, and from everything that customers write who want a change done. "Can I still cancel
it?" wants that done: the question that follows needs a yes, and a wish is not lost.
"""

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import get_args

import yaml

from agents.support.models import TaskName
from agents.support.understanding.examples import training
from agents.support.understanding.roles import KEPT, WORDS, RoleModel, fit, plain
from agents.support.understanding.wishes import asked

EXAMPLES = Path(__file__).parent / "wondering.yaml"
READS = {"order_status", "order_contents", "refund_status"}
SURE = 0.7  # the probability from which on a text only asks
SAID_SO = 0.3  # where it says itself that it only asks or supposes
MOST_WORDS = 10  # words or Chinese characters of a text that asks nothing else
ONLY_ASKS = re.compile(
    r"\b(?:just|only|merely|purely) (?:asking|curious|out of (?:interest|curiosity))\b|\bout of curiosity\b"
    r"|\bnot (?:saying|that) (?:that )?i (?:want|will|would|do|am)\b|\bin theory\b|\btheoretical|\bhypothe"
    r"|\b(?:don'?t|do not) (?:do|change) (?:it|that|anything) (?:yet|now)\b"
    r"|(?:就|只|只是|随便|先)(?:想)?问(?:问|一?下)|问问而已|纯?属?好奇|理论上|先[别不]|(?:没|不)是?(?:真|说)?(?:的)?要|没[打决]定",
    re.IGNORECASE,
)

SUPPOSES = re.compile(
    r"\b(?:suppos(?:e|ing)|assuming|imagine|what if|let'?s say|if i (?:had|were|took|chose|wanted|\w+ed))\b"
    r"|假如|假设|万一",
    re.IGNORECASE,
)


def wonders(text: str) -> bool:
    """Whether the text only asks about a change; the intent tells about which."""
    least = SAID_SO if says_so(text) else SURE
    return max(map(_chance, {plain(text), plain(asked(text))})) >= least


def says_so(text: str) -> bool:
    """Whether the text says itself that it only asks, or supposes something."""
    return any(words.search(text) for words in (ONLY_ASKS, SUPPOSES))


def only_asks(text: str) -> bool:
    """Whether the text says that its writer only asks, and asks nothing: "no no, only asking"."""
    return ONLY_ASKS.search(text) is not None and len(WORDS.findall(text)) <= MOST_WORDS


def wondering() -> dict[bool, list[str]]:
    """The examples of what only asks, and of what asks like it and wants something done."""
    spoken = yaml.safe_load(EXAMPLES.read_text("utf-8")).values()
    return {
        name == "wonders": [plain(text) for known in spoken for text in known[name]]
        for name in ("wonders", "wants")
    }


@lru_cache(KEPT)
def _chance(text: str) -> float:
    fitted = _model()
    (chances,) = fitted.chances([text])
    return float(chances[list(fitted.linear.classes_).index("wonders")])


@cache
def _model() -> RoleModel:
    known = wondering()
    changes = set(get_args(TaskName)) - READS
    wanted = [text for text, topic in training() if topic.partition("/")[0] in changes]
    others = [one for one in dict.fromkeys((*known[False], *wanted)) if one not in known[True]]
    names = ["wonders"] * len(known[True]) + ["wants"] * len(others)
    return fit([*known[True], *others], names)
