"""Every task of the benchmark, done by our rules and by its own tools: both end alike."""

import pytest

from agents.support.evaluation.replay import replay_all
from agents.support.evaluation.tau2 import bank, is_installed, retail_tasks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="inspect-evals is not installed"),
]


def test_every_replay_reaches_the_state_that_the_benchmarks_tools_reach() -> None:
    replays = replay_all()
    assert len(replays) == 114
    assert [replay.task for replay in replays if not replay.same] == []
    assert sum(replay.done for replay in replays) > 170
    # What the benchmark refuses, ours refuse: no task is same because nothing was done.
    assert sum(len(replay.refused) for replay in replays) < 8


def test_the_tasks_and_articles_are_all_there() -> None:
    articles, questions = bank()
    assert (len(articles), len(questions), len(retail_tasks())) == (698, 97, 114)
    known = {article.id for article in articles}
    assert all(question.required <= known for question in questions)
