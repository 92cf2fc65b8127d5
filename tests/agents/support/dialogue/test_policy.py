"""What is done follows from what is understood, remembered and owned, and from nothing else."""

from agents.support.dialogue.policy import decide
from agents.support.dialogue.words import reply
from agents.support.models import (
    CarriedOut,
    Decided,
    Dialogue,
    Intent,
    IntentName,
    Turn,
    Understood,
)

NOT_DONE = CarriedOut(done=False)
NEW = Dialogue()


def decided(
    intent: IntentName,
    before: Dialogue = NEW,
    orders: tuple[str, ...] = (),
    own: dict[str, str] | None = None,
    *,
    angry: bool = False,
) -> Decided:
    turn = Turn(conversation="c", number=1, user="u", text="t")
    intents = (Intent(name=intent, confidence=0.9),)
    understood = Understood(language="en", intents=intents, orders=orders, angry=angry)
    return decide(turn, understood, before, lambda _text, _language: (), own or {})


def test_cancelling_needs_an_order_of_ones_own_and_a_yes() -> None:
    assert decided("cancel_order", orders=("A1",)).action == "order_status"
    assert not decided("cancel_order", orders=("A1",)).known
    asked = decided("cancel_order", orders=("A1",), own={"A1": "processing"})
    assert asked.action == "ask_to_cancel"
    after = reply("en", asked, NOT_DONE).after
    assert after.to_cancel == "A1"
    assert decided("affirm", after).action == "cancel_order"
    assert decided("deny", after).action == "none"
    assert reply("en", decided("deny", after), NOT_DONE).after.to_cancel == ""
    assert decided("affirm").action == "none"  # a yes without a question confirms nothing


def test_a_person_is_called_when_asked_for_in_anger_or_after_two_failures() -> None:
    assert decided("human").action == decided("greeting", angry=True).action == "hand_over"
    once = reply("en", decided("out_of_scope"), NOT_DONE).after
    assert once.failures == 1
    assert decided("out_of_scope", once).action == "hand_over"


def test_the_bot_is_silent_once_a_person_has_taken_over() -> None:
    after = reply("en", decided("human"), NOT_DONE).after
    assert after.taken_over
    silent = decided("order_status", after, ("A1",), {"A1": "completed"})
    assert (silent.action, reply("en", silent, NOT_DONE).text) == ("none", "")


def test_the_order_last_spoken_of_is_remembered() -> None:
    told = decided("order_status", orders=("A1",), own={"A1": "completed"})
    answer = reply("en", told, NOT_DONE)
    assert answer.text == "Order A1 has been shipped."
    assert decided("refund_status", answer.after, own={"A1": "completed"}).order == "A1"
    assert reply("en", decided("order_status"), NOT_DONE).text.startswith("Which order")
