"""Each agent of customer service alone; tests/flows/test_customer_service.py tests the whole workflow."""

import pytest

from agents.runtime import EffectKey
from agents.support.carry_out import carry_out
from agents.support.decide_turn import decide_turn
from agents.support.models import CarriedOut, ChangeOutcome, Decided, Dialogue, Part, Phrased, Turn
from agents.support.phrase_turn import phrase_turn
from agents.support.read_change_result import read_change_result
from agents.support.reply_turn import reply_turn
from agents.support.understand_turn import understand_turn

TURN = Turn(conversation="a", number=1, user="u", text="hello")
GREETING = Decided(
    action="answer", parts=(Part(template="greeting"),), after=Dialogue(language="zh")
)


@pytest.mark.slow
async def test_a_greeting_goes_through_without_a_server() -> None:
    understood = await understand_turn.call(TURN)
    assert understood.best.name == "greeting"
    result = await read_change_result.call(TURN, GREETING, CarriedOut())
    assert result == ChangeOutcome()
    phrased = await phrase_turn.call(TURN, understood, GREETING, None)
    assert phrased == Phrased()  # nobody has set a model
    replied = await reply_turn.call(TURN, understood, GREETING, result, phrased)
    assert replied.text.startswith("您好")  # the language of the conversation, not of one word
    assert replied.after.said == replied.text


async def test_a_turn_that_requests_nothing_changes_nothing() -> None:
    assert await carry_out.function(TURN, GREETING, EffectKey("key")) == CarriedOut()
    assert carry_out.policy.effect
    assert not decide_turn.policy.effect
