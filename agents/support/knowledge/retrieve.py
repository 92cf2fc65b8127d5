"""Passages of the shop's own documents that may answer a question, by BM25.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009).
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import bm25s

from agents.support.models import Language, Passage

DOCUMENTS = Path(__file__).parent / "documents"
WORDS = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]+")
STOP = frozenset(
    {
        *("a", "an", "and", "are", "as", "at", "be", "by"),
        *("can", "do", "does", "for", "from", "how", "i", "if"),
        *("in", "is", "it", "my", "of", "on", "or", "the"),
        *("to", "what", "when", "which", "will", "with", "you", "your"),
    }
)
LEAST = 1.0  # a score below which nothing has been found


def retrieve(question: str, language: Language, limit: int = 3) -> tuple[Passage, ...]:
    """The best passages in that language, the best first; none if nothing speaks of the question."""
    index, passages = _index(language)
    words = [word for word in tokens(question) if word in index.vocab_dict]
    if not words:
        return ()
    found, scores = index.retrieve([words], k=min(limit, len(passages)), show_progress=False)
    return tuple(
        passages[number].model_copy(update={"score": round(float(score), 4)})
        for number, score in zip(found[0], scores[0], strict=True)
        if score >= LEAST
    )


def tokens(text: str) -> list[str]:
    """English words without their plural, and Chinese by pairs of characters."""
    told: list[str] = []
    for run in WORDS.findall(text.lower()):
        if run.isascii():
            told += [run.removesuffix("s")] if run not in STOP else []
        else:
            told += [run[n : n + 2] for n in range(max(1, len(run) - 1))]
    return told


@cache
def passages_of(language: Language) -> tuple[Passage, ...]:
    """Every section of every document, in the order of their names."""
    return tuple(
        passage
        for path in sorted((DOCUMENTS / language).glob("*.md"))
        for passage in _sections(path, language)
    )


def _sections(path: Path, language: Language) -> list[Passage]:
    title, *sections = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    found = []
    for section in sections:
        heading, _, text = section.partition("\n")
        found.append(
            Passage(
                document=f"{language}/{path.name}",
                section=heading.strip(),
                text=" ".join(text.split()),
                language=language,
                score=0.0,
            )
        )
    assert title.startswith("# ")
    return found


@cache
def _index(language: Language) -> tuple[Any, tuple[Passage, ...]]:
    passages = passages_of(language)
    index = bm25s.BM25()
    index.index(
        [tokens(f"{p.section} {p.section} {p.text}") for p in passages], show_progress=False
    )
    return index, passages
