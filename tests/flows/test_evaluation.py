"""Scripted users reach their aims in the real workflow, on a temporary journal."""

from functools import partial

import pytest

from agents.support.evaluation.gates import broken
from agents.support.evaluation.gold import scripts
from agents.support.evaluation.retail_dialogues import (
    begin,
    in_run,
    measured_retail,
    play_all,
)
from agents.support.evaluation.simulation import measured_dialogues, play
from agents.support.evaluation.tau2 import is_installed, retail_tasks
from flows.conversation import answer, answer_beside
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


@pytest.mark.skipif(not is_installed(), reason="inspect-evals is not installed")
async def test_the_benchmarks_users_are_served_from_its_own_accounts() -> None:
    shop = begin(tries=1, tasks=retail_tasks()[2:5])
    async with temporary_run() as run:
        await play_all(shop, in_run(run, partial(answer_beside, shop.answers())))
    assert [
        (one.task.id, one.same, one.lines) for one in shop.played.values() if not one.same
    ] == []
    assert measured_retail(shop)["retail_pass_1"] == 1
    changed = [one for one in shop.played.values() if one.shop.orders != one.user.shop.orders]
    assert len(changed) == 3  # none is right because nothing was done
