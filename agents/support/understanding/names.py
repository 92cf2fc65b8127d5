"""Names of goods in a text: in any script, in singular or plural, the longest first."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

RUNS = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")

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


def kind(name: str) -> str:
    """The last word of an English name, as people say it: the lamp is the desk lamp."""
    return name.rpartition(" ")[2] if name.isascii() else name


@lru_cache(4_096)
def _pattern(name: str) -> re.Pattern[str] | None:
    """The runs of letters of the name, one after the other, in singular or plural; None without any."""
    runs = RUNS.findall(folded(name))
    if not runs:
        return None
    return re.compile(r"[\W_]*".join(map(_run, runs)))


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
