"""How well passages are found, beside words alone and meaning alone: our questions, and a bank's articles."""

from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

import numpy as np

from agents.support.evaluation.gold import Question, questions
from agents.support.evaluation.measures import recall_at, reciprocal_ranks
from agents.support.evaluation.tau2 import bank
from agents.support.knowledge.index import Index, Way, text_of, words_of
from agents.support.knowledge.index import Question as Searched
from agents.support.knowledge.retrieve import ranked, readable, retrieve
from agents.support.models import Language
from agents.support.understanding.embedding import is_available
from agents.support.understanding.vectors import shared_vectors

NOTHING = "none"
DEEP = 10
ARTICLE, QUESTION = 400, 600  # the first characters of an article and of a task, which are searched


async def measured_retrieval() -> dict[str, float]:
    """Recall and rank over the gold questions, and how often a question without answer finds nothing.

    Beside words and meaning alone; all but meaning know the questions that a passage lists.
    """
    figures: dict[str, float] = {}
    asked = [question for question in questions() if question.passage != NOTHING]
    for way in _ways():
        rankings: list[list[str]] = []
        for language in get_args(Language):
            sources = await _searcher(language, way)
            rankings += [await sources(question.text) for question in _in(asked, language)]
        wanted = [
            frozenset({q.passage}) for language in get_args(Language) for q in _in(asked, language)
        ]
        figures |= _figures(rankings, wanted, "" if way == "both" else f"_{way}")
    first = [(q.passage, await retrieve(q.text, q.language)) for q in questions()]
    answered = [(passage, found[0].source) for passage, found in first if found]
    figures["citation_precision"] = float(np.mean([a == b for a, b in answered]))
    nothing = [not found for passage, found in first if passage == NOTHING]
    figures["nothing_found_where_nothing_is"] = float(np.mean(nothing))
    for language in get_args(Language):
        figures |= await _answers(_in(questions(), language), language)
    return figures


async def _searcher(language: Language, way: Way) -> Callable[[str], Awaitable[list[str]]]:
    """A search that gives the sources of passages, the best first; both ways together as customers get them."""
    passages = readable(language)
    index = await _index([text_of(p) for p in passages], [words_of(p) for p in passages])

    async def search(text: str) -> list[str]:
        if way == "both":
            return [passage.source for passage in await ranked(text, language)]
        found = index.search(await _searched(text), DEEP, way)
        return [passages[one.number].source for one in found]

    return search


async def _answers(asked: Sequence[Question], language: Language) -> dict[str, float]:
    """The share of answerable questions whose passage stands first, or is answered; of all with a wrong one.

    Which passage stands first does not ask how sure it is; it is answered only if it is sure enough.
    """
    first = [
        (await ranked(q.text, language))[0].source == q.passage
        for q in asked
        if q.passage != NOTHING
    ]
    found = [(q.passage, await retrieve(q.text, language)) for q in asked]
    right = [bool(f) and f[0].source == passage for passage, f in found if passage != NOTHING]
    wrong = [bool(f) and f[0].source != passage for passage, f in found]
    return {
        f"right_first_{language}": float(np.mean(first)),
        f"answered_right_{language}": float(np.mean(right)),
        f"wrong_with_confidence_{language}": float(np.mean(wrong)),
    }


async def measured_bank() -> dict[str, float]:
    """Recall and rank over the articles of the benchmark's bank. Raises NotInstalled."""
    articles, tasks = bank()
    ids = [article.id for article in articles]
    index = await _index([f"{article.title}\n{article.text}"[:ARTICLE] for article in articles])
    asked = [await _searched(task.text[:QUESTION]) for task in tasks]
    figures: dict[str, float] = {}
    for way in _ways():
        ranked = [[ids[one.number] for one in index.search(q, DEEP, way)] for q in asked]
        suffix = "" if way == "both" else f"_{way}"
        figures |= _figures(ranked, [task.required for task in tasks], suffix, "bank_")
    return figures


async def _index(texts: Sequence[str], words: Sequence[str] = ()) -> Index:
    return Index(words or texts, await shared_vectors(texts, "passage") if is_available() else None)


async def _searched(text: str) -> Searched:
    return Searched(text, (await shared_vectors([text]))[0] if is_available() else None)


def _ways() -> Sequence[Way]:
    return get_args(Way) if is_available() else ("words",)


def _in(asked: Sequence[Question], language: Language) -> list[Question]:
    return [question for question in asked if question.language == language]


def _figures(
    ranked: Sequence[Sequence[str]],
    wanted: Sequence[frozenset[str]],
    suffix: str,
    prefix: str = "",
) -> dict[str, float]:
    return {
        f"{prefix}recall_at_5{suffix}": float(np.mean(recall_at(ranked, wanted, 5))),
        f"{prefix}recall_at_10{suffix}": float(np.mean(recall_at(ranked, wanted, 10))),
        f"{prefix}mrr{suffix}": float(np.mean(reciprocal_ranks(ranked, wanted))),
    }
