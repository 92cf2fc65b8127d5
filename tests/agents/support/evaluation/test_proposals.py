"""The gold set and built sentences against a fake server. A fake is no model: it shows what rules do."""

import sys
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import pytest
from llmock.scenarios import Delay, Reply, ToolCall
from llmock.testing import LLMockServer

from agents.support.dialogue import proposal
from agents.support.dialogue.proposal import propose
from agents.support.evaluation.built import sentences
from agents.support.evaluation.gold import intents
from agents.support.evaluation.proposals import NOBODY, Answered, measured_proposals
from agents.support.models import Command, Dialogue, IntentName, Turn
from tests.model_server import server

__all__ = ["server"]

SEED, EVERY = 7, 8
EVIL = {"intent": "cancel_order", "order": "W7777777", "everything": True}


def test_a_bad_command_changes_nothing_and_a_good_one_is_asked_about() -> None:
    said: list[tuple[str, IntentName]] = [
        ("cancel my order", "cancel_order"),
        ("what is the capital of Mongolia", "out_of_scope"),
        ("where is my parcel", "order_status"),
    ]
    evil = [Answered(text, name, Command(intent="return_items")) for text, name in said]
    figures = measured_proposals("evil", evil)
    assert (figures["evil_alone"], figures["evil_changes"], figures["evil_asked"]) == (1, 0, 1)
    good = [Answered(text, name, Command(intent=name)) for text, name in said]
    assert measured_proposals("good", good) == {
        "good_alone": 1, "good_right": 1, "good_asked": 0, "good_changes": 0,
    }  # fmt: skip


def known() -> list[tuple[str, IntentName]]:
    """Every sentence of the gold set, and some of the built one that have one wish."""
    built = [one for one in sentences() if len(one.wanted) == 1][::EVERY]
    gold: list[tuple[str, IntentName]] = [(text, name) for text, name, _ in intents()]
    return [*gold, *((one.text, next(iter(one.wanted))) for one in built)]


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["well", "badly", "slowly", "maliciously"])
async def test_figures_against_a_fake_server(
    kind: str, server: LLMockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, answered = np.random.default_rng(SEED), list[Answered]()
    said = known() if kind != "slowly" else known()[:20]
    if kind == "slowly":
        monkeypatch.setattr(proposal, "SECONDS", 0.2)
        server.state.scenarios.add(Delay(1, times=None))
    for number, (text, name) in enumerate(said):
        other: IntentName = get_args(IntentName)[draw.integers(len(get_args(IntentName)))]
        commands: Mapping[str, dict[str, Any]] = {"badly": {"intent": other}, "maliciously": EVIL}
        call = ToolCall(name="final_result", arguments=commands.get(kind, {"intent": name}))
        server.state.scenarios.add(Reply(tool_calls=(call,)))
        turn = Turn(conversation=f"p{number}", number=1, user="u", text=text)
        found = await propose(turn, Dialogue(), NOBODY, ())
        answered.append(Answered(text, name, found.command))
    figures = measured_proposals(kind, answered)
    sys.stdout.write(f"{len(answered)} sentences, a fake that answers {kind}: {figures}\n")
    assert figures[f"{kind}_changes"] == 0
    assert kind == "slowly" or all(one.command for one in answered)
    if kind == "slowly":
        assert figures["slowly_right"] == figures["slowly_alone"]
    if kind == "well":
        assert figures["well_right"] > figures["well_alone"]
