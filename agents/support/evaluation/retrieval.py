"""How well passages are found, beside words alone and meaning alone; on our questions and on a bank's."""

from collections.abc import Sequence
from typing import get_args

import numpy as np

from agents.support.evaluation.gold import Question, questions
from agents.support.evaluation.measures import recall_at, reciprocal_ranks
from agents.support.evaluation.tau2 import bank
from agents.support.knowledge.index import Index, Way, text_of
from agents.support.knowledge.retrieve import readable, retrieve
from agents.support.models import Language
from agents.support.understanding.embedding import is_available

NOTHING = "none"
DEEP = 10
ARTICLE, QUESTION = 400, 600  # characters of an article and of a task that are looked at


def measured_retrieval() -> dict[str, float]:
    """Recall and rank over the gold questions, and how often nothing is found where nothing is."""
    figures: dict[str, float] = {}
    asked = [question for question in questions() if question.passage != NOTHING]
    for way in _ways():
        ranked: list[list[str]] = []
        for language in get_args(Language):
            passages = readable(language)
            index = Index([text_of(passage) for passage in passages])
            for question in _in(asked, language):
                found = index.search(question.text, DEEP, way)
                ranked.append([passages[one.number].source for one in found])
        wanted = [frozenset({q.passage}) for told in get_args(Language) for q in _in(asked, told)]
        figures |= _figures(ranked, wanted, "" if way == "both" else f"_{way}")
    first = [(q.passage, retrieve(q.text, q.language)) for q in questions()]
    answered = [(passage, found[0].source) for passage, found in first if found]
    figures["citation_precision"] = float(np.mean([a == b for a, b in answered]))
    nothing = [not found for passage, found in first if passage == NOTHING]
    figures["nothing_found_where_nothing_is"] = float(np.mean(nothing))
    return figures


def measured_bank() -> dict[str, float]:
    """The same over the benchmark's bank. Raises NotInstalled."""
    articles, tasks = bank()
    ids = [article.id for article in articles]
    index = Index([f"{article.title}\n{article.text}"[:ARTICLE] for article in articles])
    figures: dict[str, float] = {}
    for way in _ways():
        ranked = [
            [ids[one.number] for one in index.search(task.text[:QUESTION], DEEP, way)]
            for task in tasks
        ]
        suffix = "" if way == "both" else f"_{way}"
        figures |= _figures(ranked, [task.required for task in tasks], suffix, "bank_")
    return figures


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
