"""Scripted users reach their aims in the real workflow, on a temporary journal."""

import pytest

from agents.support.evaluation.gates import broken
from agents.support.evaluation.gold import scripts
from agents.support.evaluation.simulation import measured_dialogues, play
from flows.conversation import answer
from flows.evaluation import temporary_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("environment")]


async def test_scripted_users_reach_their_aims() -> None:
    async with temporary_run() as run:
        played = [await play(run, n, script, answer) for n, script in enumerate(scripts())]
    assert [(one.script.name, one.problem) for one in played if one.problem] == []
    figures = measured_dialogues(played)
    figures.pop(
        "turn_p95_ms"
    )  # a time is measured by `--evaluate`, on a machine that does nothing else
    assert list(broken(figures)) == []
