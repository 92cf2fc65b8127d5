"""Schedules of a seed keep every promise, replay exactly, and show what is broken."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextvars import Context
from itertools import islice
from random import Random

import pytest

from agents.runtime.settings import ROOT
from tests.faults.sabotage import mutants
from tests.faults.simulation.loop import PROCESS, SimulatedLoop, Stuck
from tests.faults.simulation.play import Simulation, open_simulation
from tests.faults.simulation.schedule import NTH_CALL, NTH_IO, nth_calls, schedule_named

EACH = 80  # schedules a test; python -m tests.faults --schedules plays as many as one likes


class Walker:
    """A process that counts its own steps, and stands still or dies when told."""

    def __init__(self) -> None:
        self.alive, self.still, self.steps = True, False, 0
        self.tasks: list[asyncio.Task[object]] = []
        self.held: list[asyncio.Handle] = []

    def step(self) -> None:
        self.steps += 1


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    opened = SimulatedLoop(Random(1))
    yield opened
    opened.close()


def begin(loop: SimulatedLoop, walker: Walker, walked: list[float]) -> None:
    async def walk() -> None:
        for _ in range(4):
            await asyncio.sleep(1)
            walked.append(loop.time())

    context = Context()
    context.run(PROCESS.set, walker)
    loop.create_task(walk(), context=context)


def test_time_passes_only_when_nobody_can_go_on(loop: SimulatedLoop) -> None:
    walked: list[float] = []
    begin(loop, Walker(), walked)
    loop.run_until_complete(asyncio.sleep(3600))
    assert walked == [1.0, 2.0, 3.0, 4.0]
    assert loop.time() == 3600.0


def test_a_dead_process_does_nothing_more_and_a_still_one_later(loop: SimulatedLoop) -> None:
    dead, still = Walker(), Walker()
    of_the_dead: list[float] = []
    of_the_still: list[float] = []
    begin(loop, dead, of_the_dead)
    begin(loop, still, of_the_still)
    loop.run_until_complete(asyncio.sleep(1.5))
    dead.alive, still.still = False, True
    loop.run_until_complete(asyncio.sleep(10))
    assert (of_the_dead, of_the_still) == ([1.0], [1.0])

    still.still = False
    loop.wake(still.held)
    loop.run_until_complete(asyncio.sleep(10))
    assert of_the_dead == [1.0]
    assert of_the_still == [1.0, 11.5, 12.5, 13.5]
    dead.tasks[0].get_coro().close()
    dead.tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_deadlock_is_told(loop: SimulatedLoop) -> None:
    with pytest.raises(Stuck):
        loop.run_until_complete(loop.create_future())


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with open_simulation() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, 1 + 3 * EACH, EACH))
def test_no_schedule_breaks_a_promise(simulation: Simulation, first: int) -> None:
    told = [simulation.play(seed) for seed in range(first, first + EACH)]
    assert [(one.name, one.breaches) for one in told if one.breaches] == []
    assert sum(one.kills for one in told) > EACH / 10
    assert sum(one.freezes for one in told) > EACH / 20


@pytest.mark.slow
def test_whichever_call_fails_the_others_finish_the_work(simulation: Simulation) -> None:
    """Every 37th of all; python -m tests.faults --every-call plays each."""
    told = [simulation.perform(schedule) for schedule in islice(nth_calls(), 3, None, 37)]
    assert [(one.name, one.breaches) for one in told if one.breaches] == []


@pytest.mark.slow
def test_there_are_no_more_calls_than_can_fail(simulation: Simulation) -> None:
    for name in (f"fail before:{NTH_IO}", f"cut:{NTH_CALL}"):
        trace = simulation.perform(schedule_named(name)).trace
        assert not any("will fail" in line or line.endswith(" cut") for line in trace)


@pytest.mark.slow
def test_a_seed_replays_exactly_in_another_process(simulation: Simulation) -> None:
    told = simulation.play(7)
    command = [sys.executable, "-m", "tests.faults", "--simulate", "7"]
    hashed_otherwise = os.environ | {"PYTHONHASHSEED": "12"}
    again = subprocess.run(command, cwd=ROOT, env=hashed_otherwise, capture_output=True, check=True)
    assert again.stdout.decode().splitlines() == told.trace


def test_mutants_enough_are_shown_by_schedules_alone() -> None:
    assert sum(mutant.schedules > 0 for mutant in mutants()) >= 3
