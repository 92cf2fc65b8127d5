"""A question is answered by the process that asks it, if it can: the same models, and no message."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from agents.runtime import PermanentError, TransientError
from agents.runtime.context import Runtime
from agents.runtime.journal.schema import messages
from agents.runtime.messaging import (
    Answerer,
    RequestRefused,
    RequestReply,
    Topic,
    answer,
    answering,
    ask,
)
from agents.runtime.model.message import LARGEST_BODY
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import ADDING, Note, Sum, count_rows, serving_bus


class Word(BaseModel, frozen=True, extra="forbid"):
    """What a newer release says."""

    text: str


@answer(ADDING)
async def add(told: Note) -> Sum:
    if told.n < 0:
        raise PermanentError("only what is positive")
    if told.text == "later":
        raise TransientError("not yet")
    return Sum(total=told.n + 1)


@pytest.fixture
def here() -> Iterator[None]:
    with answering([add]):
        yield


@pytest.mark.usefixtures("here")
async def test_it_is_answered_here_without_a_message(opened: Runtime) -> None:
    assert await ask(ADDING, Note(n=1)) == Sum(total=2)
    assert await count_rows(opened.journal.database, messages) == 0


@pytest.mark.usefixtures("here")
async def test_a_refusal_is_the_same_as_over_the_bus_and_a_failure_may_be_tried_again() -> None:
    with pytest.raises(RequestRefused, match="only what is positive"):
        await ask(ADDING, Note(n=-1))
    with pytest.raises(TransientError, match="not yet"):
        await ask(ADDING, Note(text="later"))


@pytest.mark.usefixtures("here")
async def test_what_would_be_too_large_for_a_message_is_answered_here() -> None:
    assert await ask(ADDING, Note(n=1, text="x" * LARGEST_BODY)) == Sum(total=2)


async def test_versions_are_read_as_over_the_bus() -> None:
    older = RequestReply(Topic("saying", Word), Topic("saying.total", Sum))
    newer = RequestReply(
        Topic("saying", Note, "1.1", {"1.1": lambda form: {"text": form["text"], "n": 1}}),
        Topic("saying.total", Sum, "2"),
    )

    @answer(newer)
    async def count(told: Note) -> Sum:
        return Sum(total=told.n)

    with answering([count]), pytest.raises(Unreadable, match="stored by version 2"):
        await ask(older, Word(text="a"))
    same = RequestReply(newer.question, Topic("saying.total", Sum))
    readable: Answerer = answer(same)(count_up)
    with answering([readable]):
        assert await ask(older, Word(text="abc")) == Sum(total=4)


async def count_up(told: Note) -> Sum:
    return Sum(total=told.n + len(told.text))


@pytest.mark.slow
async def test_what_this_process_cannot_answer_goes_over_the_bus(
    opened: Runtime, journal_settings: Settings
) -> None:
    async with serving_bus(journal_settings, add):
        assert await ask(ADDING, Note(n=2), correlation="2") == Sum(total=3)
    assert await count_rows(opened.journal.database, messages) == 1
