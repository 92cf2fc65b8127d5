"""Partitions that an earlier run has given up are tried again by the next one."""

from collections.abc import Sequence

from agents.runtime import runtime
from agents.runtime.journal.operator_actions import OperatorAction, replay
from agents.runtime.journal.queries import named
from agents.runtime.model.lifecycle import State

AT_ONCE = 500  # keys of one query
REASON = "the study runs again: what was refused for a time may be had by now"


async def try_again(scenario: str, keys: Sequence[str]) -> int:
    """Let dead letters among the items go on; returns their number.

    A dead letter has used all attempts at something that may pass. What can never succeed is no dead letter.
    """
    journal, replayed = runtime().journal, 0
    for start in range(0, len(keys), AT_ONCE):
        for row in await named(journal, scenario, keys[start : start + AT_ONCE]):
            if State(row.state) is State.DEAD_LETTERED:
                action = OperatorAction(scenario, row.key, "data analysis", REASON, automatic=True)
                replayed += await replay(journal, action)
    return replayed
