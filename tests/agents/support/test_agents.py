"""The agents as tasks: what each says alone. Their stories are told by tests/flows/test_customer_service.py."""

import pytest

from agents.support.carry_out import carry_out, find_carried_out
from agents.support.decide_turn import decide_turn
from agents.support.models import CarriedOut, Decided, Dialogue, Learned, Part, Phrased, Turn
from agents.support.phrase_turn import phrase_turn
from agents.support.read_change_result import read_change_result
from agents.support.reply_turn import reply_turn
from agents.support.understand_turn import understand_turn

TURN = Turn(conversation="a", number=1, user="u", text="hello")
GREETING = Decided(action="answer", parts=(Part(saying="greeting"),), after=Dialogue(language="zh"))


@pytest.mark.slow
async def test_a_greeting_goes_through_without_a_server() -> None:
    understood = await understand_turn.call(TURN)
    assert understood.best.name == "greeting"
    learned = await read_change_result.call(TURN, GREETING, CarriedOut())
    assert learned == Learned()
    phrased = await phrase_turn.call(TURN, understood, GREETING)
    assert phrased == Phrased()  # nobody has set a model
    replied = await reply_turn.call(TURN, understood, GREETING, learned, phrased)
    assert replied.text.startswith("您好")  # the language of the conversation, not of one word
    assert replied.after.said == replied.text


async def test_what_changes_nothing_is_known_to_have_changed_nothing() -> None:
    assert await find_carried_out(TURN, GREETING) == CarriedOut()
    assert carry_out.policy.effect
    assert not decide_turn.policy.effect
