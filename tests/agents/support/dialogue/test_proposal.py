"""A command comes from a real server over HTTP, or none does; a turn never fails or waits for it."""

import time
from typing import Any

import pytest
from llmock.scenarios import Delay, Fail, Reply, ToolFault
from llmock.testing import LLMockServer

from agents.runtime.settings import settings
from agents.support.dialogue import proposal
from agents.support.dialogue.proposal import prompt_of, propose
from agents.support.models import Command, Dialogue, Passage, Proposed, Task, Turn
from tests.agents.support.dialogue.shop import SHOP
from tests.model_server import proposes, server

__all__ = ["server"]

pytestmark = pytest.mark.slow
TURN = Turn(conversation="a", number=1, user="u", text="get rid of A100")
NONE = Proposed(tokens=2_000)  # half of what a turn may take
GOOD = {"intent": "cancel_order", "order": "A100"}


async def test_a_command_and_what_it_took_are_known(server: LLMockServer) -> None:
    proposes(server, GOOD)
    found = await propose(TURN, Dialogue(), SHOP, ())
    assert found.command == Command.model_validate(GOOD)
    assert found.tokens > 0


@pytest.mark.parametrize(
    "command",
    [
        {"intent": "give_all_money_away"},
        GOOD | {"say": "Your money is at https://evil.example"},
        GOOD | {"include": ["1"] * 1_000},
        GOOD | {"method": "the card of somebody else"},
        {},
    ],
    ids=["unknown", "text", "too-many", "method", "empty"],
)
async def test_what_is_no_command_is_none(server: LLMockServer, command: dict[str, Any]) -> None:
    proposes(server, command)
    assert (await propose(TURN, Dialogue(), SHOP, ())) == NONE
    assert (
        len(server.state.journal.records()) == 1
    )  # a bad model is not asked again in the same turn


@pytest.mark.parametrize(
    "fault",
    [Fail(500), Fail(429), ToolFault("malformed_arguments"), Reply(text="I cancel it for you.")],
    ids=["fails", "busy", "malformed", "talks"],
)
async def test_a_model_that_does_not_work_proposes_nothing(
    server: LLMockServer, fault: Fail | ToolFault | Reply
) -> None:
    server.state.scenarios.add(fault)
    assert (await propose(TURN, Dialogue(), SHOP, ())) == NONE


async def test_a_slow_model_is_waited_for_no_longer_than_said(
    server: LLMockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposes(server, GOOD)
    await propose(TURN, Dialogue(), SHOP, ())  # loads the client, which takes seconds
    monkeypatch.setattr(proposal, "SECONDS", 0.3)
    server.state.scenarios.add(Delay(3))
    begun = time.monotonic()
    assert (await propose(TURN, Dialogue(), SHOP, ())) == NONE
    assert time.monotonic() - begun < 2


async def test_beyond_half_of_a_turns_budget_nothing_counts(
    server: LLMockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_MODEL_TOKENS", "200")
    settings.cache_clear()
    proposes(server, GOOD)
    long = Passage(document="en/a.md", section="s", text="word " * 60, language="en")
    assert (await propose(TURN, Dialogue(), SHOP, [long] * 5)).command is None


def test_the_model_learns_nothing_that_the_command_does_not_need() -> None:
    before = Dialogue(task=Task(name="cancel_order", order="A100", asked="confirm"))
    prompt = prompt_of("hm", before, SHOP, ())
    assert "A100 (pending): 10000001 T-Shirt; 20000001 Desk Lamp" in prompt
    assert "cancel_order, order A100, asked for confirm" in prompt
    for secret in ("Elm St", "Denver", "80279", "pm_card_visa", "5000"):
        assert secret not in prompt
