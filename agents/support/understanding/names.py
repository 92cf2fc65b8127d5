"""Names of goods and of their options in a text: in any script, in singular or plural, the longest first."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path

import yaml

from agents.shop.accounts import Variant
from agents.support.models import Language

OPTIONS = Path(__file__).parent / "options.yaml"
HAN = re.compile(r"[\u4e00-\u9fff]{3,}")
RUNS = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")

MEASURED = re.compile(r"([\d.-]*\d)[ -]?([A-Za-z]+)")
UNITS_ZH: Mapping[str, str] = {
    "inch": "英寸", "ft": "英尺", "cup": "杯", "liter": "升", "hour": "小时", "degree": "度", "lb": "磅",
    "piece": "件套",
}  # fmt: skip

Span = tuple[int, int]


def names_in(text: str, names: Iterable[str]) -> dict[str, Span]:
    """The names that the text has, with their places: the longest first, none within another."""
    left, found = folded(text), dict[str, Span]()
    for name in sorted(names, key=lambda name: (-len(name), name)):
        pattern = _pattern(name)
        if pattern is not None and (match := pattern.search(left)) is not None:
            found[name] = match.span()
            left = pattern.sub(lambda m: " " * len(m[0]), left)
    return found


def places_of(text: str, name: str) -> list[Span]:
    """Every place of the name in the text."""
    pattern = _pattern(name)
    return [] if pattern is None else [match.span() for match in pattern.finditer(folded(text))]


def names_of(variant: Variant) -> tuple[str, ...]:
    """Every name of an item, in all languages."""
    return (variant.name, *variant.names.values(), *variant.also)


def names_goods(text: str, goods: Iterable[Variant]) -> bool:
    """Whether the text names one of the goods, by a name or by the last word of it."""
    names = {name for variant in goods for name in names_of(variant)}
    return bool(names_in(text, names | {kind(name) for name in names}))


def kind(name: str) -> str:
    """The last word of a name, as people say it: the lamp is the desk lamp, 键盘 is 机械键盘."""
    if name.isascii():
        return name.rpartition(" ")[2]
    return name[-2:] if HAN.fullmatch(name) else name


def options_in(text: str, values: Iterable[str]) -> set[str]:
    """The values of options that the text names, in English or in Chinese."""
    by_word: dict[str, set[str]] = {}
    for value in set(values):
        for word in (value, *option_words().get(value, ())):
            by_word.setdefault(word, set()).add(value)
    return {value for word in names_in(text, by_word) for value in by_word[word]}


def option(value: str, language: Language, name: str = "") -> str:
    """The value of an option of this name as it is said in this language; as it is if there is no word for it."""
    words = option_words()
    known = words.get(f"{name}: {value}", words.get(value))
    if language == "en" or known is not None:
        return value if language == "en" or known is None else known[0]
    measure = MEASURED.fullmatch(value)
    unit = next((zh for en, zh in UNITS_ZH.items() if measure and measure[2].startswith(en)), "")
    return f"{measure[1]}{unit}" if measure and unit else value


@cache
def option_words() -> Mapping[str, tuple[str, ...]]:
    """Words for values of options, the Chinese one that is said first."""
    words = yaml.safe_load(OPTIONS.read_text("utf-8"))
    return {value: tuple(some) for value, some in words.items()}


@lru_cache(4_096)
def _pattern(name: str) -> re.Pattern[str] | None:
    source = pattern_of(name)
    return re.compile(source) if source else None


def pattern_of(name: str) -> str:
    """A regular expression: the runs of letters of the name, in singular or plural; "" without any."""
    return r"[\W_]*".join(map(_run, RUNS.findall(folded(name))))


def _run(run: str) -> str:
    if not run.isascii():
        return re.escape(run)
    plural = r"(?:e?s)?" if len(run) > 2 else ""
    singular = run.removesuffix("s") if len(run) > 3 else run
    return rf"(?<![a-z0-9']){singular}{plural}(?![a-z0-9'])"


def folded(text: str) -> str:
    """The text in small letters, as long as before."""
    return "".join(
        c.lower() if len(c.lower()) == 1 else c for c in unicodedata.normalize("NFKC", text)
    )
