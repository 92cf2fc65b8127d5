"""A model's answer is used if its passages support it; a real server answers over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llmock.scenarios import Delay, Fail, Reply, ToolCall
from llmock.testing import LLMockServer

from agents.runtime.settings import settings
from agents.support import phrasing
from agents.support.models import Passage
from agents.support.phrasing import Answer, listener, phrase, usable

pytestmark = pytest.mark.slow
PASSAGES = (
    Passage(document="en/a.md", section="Returns?", text="Within 30 days, unused.", language="en"),
    Passage(document="en/b.md", section="Cost?", text="Free with our label.", language="en"),
)
GOOD = {"text": "You can return it within 30 days.", "passages": [1]}


@pytest.fixture
def first() -> Iterator[LLMockServer]:
    with LLMockServer() as server:
        yield server


@pytest.fixture
def second() -> Iterator[LLMockServer]:
    with LLMockServer() as server:
        yield server


@pytest.fixture(autouse=True)
def accounts(
    first: LLMockServer, second: LLMockServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    models = [{"name": "m", "url": s.base_url("openai"), "key": "k"} for s in (first, second)]
    monkeypatch.setenv("AGENT_FLOWS_MODELS", json.dumps(models))
    settings.cache_clear()
    yield
    settings.cache_clear()


def says(server: LLMockServer, answer: dict[str, Any]) -> None:
    call = ToolCall(name="final_result", arguments=answer)
    server.state.scenarios.add(Reply(tool_calls=(call,)))


async def test_what_stands_on_its_passages_is_used(first: LLMockServer) -> None:
    says(first, GOOD)
    assert await phrase("how long?", PASSAGES, "en") == Answer.model_validate(GOOD)


async def test_the_next_provider_is_asked_where_one_fails(
    first: LLMockServer, second: LLMockServer
) -> None:
    first.state.scenarios.add(Fail(500))
    says(second, GOOD)
    assert await phrase("how long?", PASSAGES, "en") == Answer.model_validate(GOOD)


async def test_without_an_answer_the_passages_are_the_answer(
    first: LLMockServer, second: LLMockServer
) -> None:
    for server in (first, second):
        server.state.scenarios.add(Fail(429))
    assert await phrase("how long?", PASSAGES, "en") is None


async def test_a_provider_that_hangs_is_waited_for_no_longer_than_said(
    first: LLMockServer, second: LLMockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrasing, "SECONDS", 0.5)
    for server in (first, second):
        server.state.scenarios.add(Delay(5))
    assert await phrase("how long?", PASSAGES, "en") is None


async def test_an_answer_beyond_its_budget_is_not_used(
    first: LLMockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_MODEL_TOKENS", "100")
    settings.cache_clear()
    says(first, GOOD)
    long = PASSAGES[0].model_copy(update={"text": "word " * 2_000})
    assert await phrase("how long?", [long], "en") is None


async def test_it_is_heard_while_it_is_written(first: LLMockServer) -> None:
    says(first, GOOD)
    heard: list[str] = []
    token = listener.set(heard.append)
    try:
        answer = await phrase("how long?", PASSAGES, "en")
    finally:
        listener.reset(token)
    assert answer is not None
    assert "".join(heard) == answer.text


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "Within 60 days.", "passages": [1]},
        {"text": "Within 30 days.", "passages": []},
        {"text": "Within 30 days.", "passages": [7]},
        {"text": "Within 30 days.", "passages": [2]},
    ],
    ids=["another-number", "no-source", "no-such-source", "another-source"],
)
async def test_what_stands_nowhere_is_not_used(first: LLMockServer, answer: dict[str, Any]) -> None:
    says(first, answer)
    assert not usable(Answer.model_validate(answer), PASSAGES)
    assert await phrase("how long?", PASSAGES, "en") is None
