"""How well intents are recognised in sentences that are built by rule, many more than anybody would write.

The authors of the examples made this set as well: it shows what a disturbance costs. What strangers say is
measured by `public.py`. No template equals an example, and the
same seed builds the same sentences. The kinds are "plain"; "typos": a letter dropped, doubled or replaced by its
neighbour on the keyboard, in Chinese also a word of the same sound; "mixed": a word of the other language;
"polite": words around it; and "several": two wishes in one message, which are right only if both are found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import yaml

from agents.support.evaluation.intents import by_keywords, by_nearest
from agents.support.evaluation.measures import interval
from agents.support.models import IntentName, Language
from agents.support.understanding.classify import Embed, embedded_texts, understand
from agents.support.understanding.embedding import is_available, vectors
from agents.support.understanding.examples import OUT
from agents.support.understanding.wishes import PARTS

Kind = Literal["plain", "typos", "mixed", "polite", "several"]
WORDS = Path(__file__).parent / "gold" / "built.yaml"
SEED = 19
DRAWS: Mapping[Kind, int] = {"plain": 1, "typos": 4, "mixed": 2, "polite": 2, "several": 1}
"""How many sentences of a kind are drawn from a template; equal ones count once."""
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
SHORTEST = 4  # letters of a word that gets a typo
ASIDE = {OUT, "knowledge", "human", "complaint"}  # not one of several wishes

Draw = np.random.Generator
Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Built:
    """A sentence, the intents in it, the language of its template, and its disturbance."""

    text: str
    wanted: frozenset[IntentName]
    language: Language
    kind: Kind


@cache
def sentences() -> tuple[Built, ...]:
    """Every sentence, the same ones in every process."""
    return tuple(one for language in get_args(Language) for one in _of_language(language))


def _of_language(language: Language) -> list[Built]:
    words: Words = _read()[language]
    templates = [(text, name) for name, texts in words["templates"].items() for text in texts]
    found: dict[str, Built] = {}
    for number, (template, name) in enumerate(templates):
        for place, kind in enumerate(get_args(Kind)):
            draw = np.random.default_rng([SEED, number, place])
            for _ in range(DRAWS[kind]):
                text, wanted = _filled(template, words, draw), {name}
                if kind == "several":
                    other, also = _one(templates, draw)
                    if {name, also} & ASIDE or name == also:
                        continue
                    text += _one(words["also"], draw) + _filled(other, words, draw)
                    wanted.add(also)
                elif kind != "plain":
                    text = _DISTURB[kind](text, words, draw)
                if text:
                    found.setdefault(text, Built(text, frozenset(wanted), language, kind))
    return list(found.values())


def _filled(template: str, words: Words, draw: Draw) -> str:
    """The template with an order, goods and a day."""
    number = f"{_one('BKRW', draw)}{draw.integers(10**6, 10**7)}"
    filled: str = template.format(
        order=number, goods=_one(words["goods"], draw), date=_one(words["dates"], draw)
    )
    return filled


def _with_typo(text: str, words: Words, draw: Draw) -> str:
    """The text with one typo; empty if it has no word that is long enough."""
    alike = [pair for pair in words.get("homophones", {}).items() if pair[0] in text]
    if alike and draw.random() < 0.5:
        right, wrong = _one(alike, draw)
        return text.replace(right, wrong, 1)
    places = _places(text)
    if not places:
        return ""
    place = int(_one(places, draw))
    letter = text[place]
    near = _neighbours(letter)
    ways = ["", letter * 2, _one(near, draw)] if near else ["", letter * 2]
    return f"{text[:place]}{_one(ways, draw)}{text[place + 1 :]}"


def _places(text: str) -> list[int]:
    """Where a typo may be: within long words without a digit, or at any Chinese character."""
    places, place = list[int](), 0
    for word in text.split(" "):
        if not word.isascii():
            places += [place + n for n, c in enumerate(word) if "\u4e00" <= c <= "\u9fff"]
        elif word.isalpha() and len(word) >= SHORTEST:
            places += range(place + 1, place + len(word))
        place += len(word) + 1
    return places


def _neighbours(letter: str) -> str:
    """The letters beside it on the keyboard."""
    for row in KEYS:
        if (place := row.find(letter.lower())) >= 0:
            return row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    return ""


def _mixed(text: str, words: Words, draw: Draw) -> str:
    """The text with a word of the other language; empty if there is none to replace."""
    tokens = text.split(" ")
    known = {w: other for w, other in words["mixed"].items() if w in tokens or not w.isascii()}
    fits = [pair for pair in known.items() if pair[0] in text]
    if not fits:
        return ""
    word, other = _one(fits, draw)
    if word.isascii():
        return " ".join(other if token == word else token for token in tokens)
    return text.replace(word, f" {other} ", 1).strip()


def _polite(text: str, words: Words, draw: Draw) -> str:
    before, after = _one(words["before"], draw), _one(words["after"], draw)
    chosen: str = _one([f"{before}{text}{after}", f"{before}{text}", f"{text}{after}"], draw)
    return chosen


_DISTURB: Mapping[Kind, Callable[[str, Words, Draw], str]] = {
    "typos": _with_typo,
    "mixed": _mixed,
    "polite": _polite,
}


def _one(among: Sequence[Any], draw: Draw) -> Any:
    return among[int(draw.integers(len(among)))]


def measured_built(every: int = 1) -> dict[str, float]:
    """Accuracy by language with its 95 % interval, beside two simple ways, and by kind.

    One sentence of `every` is measured. `built_accuracy_worst` is that of the language and kind with
    the least.
    """
    figures: dict[str, float] = {}
    for language in get_args(Language):
        said = [one for one in sentences() if one.language == language][::every]
        embed = _embedded([one.text for one in said])
        right = [one.wanted <= found_in(one.text, one.kind, embed) for one in said]
        name = f"built_accuracy_{language}"
        low, high = _interval(right)
        figures |= {name: _share(right), f"{name}_low": low, f"{name}_high": high}
        figures |= {f"{name}_{way}": _share(got) for way, got in _rivals(said).items()}
        for kind in get_args(Kind):
            some = [r for r, one in zip(right, said, strict=True) if one.kind == kind]
            low, high = _interval(some)
            of_kind = {"": _share(some), "_low": low, "_high": high}
            figures |= {f"{name}_{kind}{end}": value for end, value in of_kind.items()}
    kinds = [f"built_accuracy_{known}_{k}" for known in get_args(Language) for k in get_args(Kind)]
    return figures | {"built_accuracy_worst": min(figures[name] for name in kinds)}


def found_in(text: str, kind: Kind, embed: Embed = vectors) -> set[IntentName]:
    """The intents that are found in a sentence: one, or all wishes of a message with several."""
    understood = understand(text, embed)
    wishes = {wish.name for wish in understood.wishes} if kind == "several" else set()
    return wishes or {understood.best.name}


def _embedded(texts: Sequence[str]) -> Embed:
    """The vectors of everything that these sentences need, computed at once."""
    if not is_available():
        return vectors
    needed = list(dict.fromkeys(part for text in texts for part in embedded_texts(text)))
    rows = dict(zip(needed, vectors(needed), strict=True))
    return lambda some: np.stack([rows[text] for text in some])


def _rivals(said: Sequence[Built]) -> dict[str, list[bool]]:
    """What keywords and the nearest example get right; of several wishes each sees them apart."""
    cut = [
        [part for part in PARTS.split(one.text) if part.strip()]
        if one.kind == "several"
        else [one.text]
        for one in said
    ]
    flat = [part for parts in cut for part in parts]
    ways: dict[str, Sequence[str]] = {"keywords": [by_keywords(part) for part in flat]}
    if is_available():
        ways["nearest"] = by_nearest(flat)
    right: dict[str, list[bool]] = {}
    for way, names in ways.items():
        left = iter(names)
        found = [{next(left) for _ in parts} for parts in cut]
        right[way] = [one.wanted <= got for one, got in zip(said, found, strict=True)]
    return right


def _interval(right: Sequence[bool]) -> tuple[float, float]:
    found = np.array(right, dtype=float)
    return interval(lambda draw: float(found[draw].mean()), len(found))


def _share(found: Sequence[bool]) -> float:
    return sum(found) / (len(found) or 1)


@cache
def _read() -> Any:
    return yaml.safe_load(WORDS.read_text("utf-8"))
