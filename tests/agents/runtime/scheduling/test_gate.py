"""The gate opens for forecasts with skill, and closes soon after they have lost it."""

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.scheduling.gate import (
    CLOSED_BELOW,
    FEWEST,
    OPEN_AT,
    WINDOW,
    Gate,
    Verdict,
    concordance,
    judge,
)

FEW_VALUES = st.integers(0, 5).map(float)


@given(st.lists(st.tuples(FEW_VALUES, FEW_VALUES), max_size=30))
def test_concordance_is_what_its_definition_says(pairs: list[tuple[float, float]]) -> None:
    agreed = comparable = 0.0
    for (forecast, outcome), (other, took) in combinations(pairs, 2):
        if outcome != took:
            comparable += 1
            agreed += 0.5 if forecast == other else (forecast < other) == (outcome < took)
    assert concordance(pairs) == (agreed / comparable if comparable else None)


def test_the_gate_is_closed_until_enough_is_known() -> None:
    gate = Gate()
    for n in range(FEWEST - 1):
        gate.observe(n, n)
    assert not gate.verdict.open
    gate.observe(FEWEST, FEWEST)
    assert gate.verdict == Verdict(open=True, concordance=1.0)


def noisy(draw: random.Random, noise: float) -> tuple[float, float]:
    seconds = draw.lognormvariate(0, 2)
    return seconds * draw.lognormvariate(0, noise), seconds


def test_between_its_limits_the_gate_stays_as_it_was() -> None:
    draw = random.Random(2)
    weak = [noisy(draw, 7.0) for _ in range(WINDOW)]
    found = judge(weak, was_open=True)
    assert found.concordance is not None
    assert CLOSED_BELOW < found.concordance < OPEN_AT
    assert found.open
    assert not judge(weak, was_open=False).open
    assert not judge([(1.0, 1.0)] * WINDOW, was_open=True).open


@pytest.mark.parametrize("kind", ["inverted", "shuffled", "constant"])
def test_forecasts_that_are_suddenly_wrong_close_the_gate_within_its_window(kind: str) -> None:
    took = []
    for seed in range(20):
        draw, gate = random.Random(seed), Gate()
        for _ in range(WINDOW):
            gate.observe(*noisy(draw, 1.0))
        assert gate.verdict.open
        for after in range(WINDOW):
            seconds = draw.lognormvariate(0, 2)
            wrong = {"inverted": 1 / seconds, "shuffled": draw.random(), "constant": 1.0}[kind]
            gate.observe(wrong, seconds)
            if not gate.open:
                took.append(after)
                break
    assert len(took) == 20
    assert max(took) < WINDOW
