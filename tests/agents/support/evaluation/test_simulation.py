"""The figures of scripted users count their problems and their ungrounded answers."""

from agents.support.evaluation.gold import Script, ScriptedTurn
from agents.support.evaluation.simulation import Played, measured_dialogues, order_body, user_of

SCRIPT = Script("n", "en", "pending", (ScriptedTurn("hi"),))


def test_the_order_belongs_to_the_user_or_to_somebody_else() -> None:
    assert order_body(3, SCRIPT)["customer"]["id"] == user_of(3)
    other = Script("n", "en", "none", (ScriptedTurn("hi"),))
    assert order_body(3, other)["customer"]["id"] != user_of(3)


def test_problems_and_what_stands_nowhere_count() -> None:
    escalating = Script("n", "en", "none", (ScriptedTurn("hi"),), escalates=True)
    figures = measured_dialogues(
        [
            Played(SCRIPT, "", handed_over=True, seconds=[0.1]),
            Played(escalating, "wrong", handed_over=True, seconds=[0.3], unfounded=("x",)),
        ]
    )
    assert (figures["task_success"], figures["handoff_precision"], figures["handoff_recall"]) == (
        0.5,
        0.5,
        1,
    )
    assert (figures["unsupported_statements"], figures["groundedness"]) == (1, 0.5)
    assert figures["turn_p95_ms"] > figures["turn_p50_ms"] > 100
