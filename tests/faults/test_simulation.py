"""Schedules violate no invariant, repeat exactly for the same seed, and find broken code."""

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
from tests.faults.mutation import mutants
from tests.faults.simulation.loop import PROCESS, SimulatedLoop, Stuck
from tests.faults.simulation.runner import Simulation, open_simulation
from tests.faults.simulation.schedule import NTH_CALL, NTH_IO, failing_calls, schedule_named

EACH = 80  # schedules per test; python -m tests.faults --schedules runs any number


class Walker:
    """A process that counts its steps; a test can freeze or kill it."""

    def __init__(self) -> None:
        self.alive, self.frozen, self.steps = True, False, 0
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


def test_time_passes_only_when_no_process_can_run(loop: SimulatedLoop) -> None:
    walked: list[float] = []
    begin(loop, Walker(), walked)
    loop.run_until_complete(asyncio.sleep(3600))
    assert walked == [1.0, 2.0, 3.0, 4.0]
    assert loop.time() == 3600.0


def test_a_dead_process_never_runs_again_and_a_frozen_one_runs_later(loop: SimulatedLoop) -> None:
    dead, frozen = Walker(), Walker()
    by_dead: list[float] = []
    by_frozen: list[float] = []
    begin(loop, dead, by_dead)
    begin(loop, frozen, by_frozen)
    loop.run_until_complete(asyncio.sleep(1.5))
    dead.alive, frozen.frozen = False, True
    loop.run_until_complete(asyncio.sleep(10))
    assert (by_dead, by_frozen) == ([1.0], [1.0])

    frozen.frozen = False
    loop.wake(frozen.held)
    loop.run_until_complete(asyncio.sleep(10))
    assert by_dead == [1.0]
    assert by_frozen == [1.0, 11.5, 12.5, 13.5]
    dead.tasks[0].get_coro().close()
    dead.tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_deadlock_is_found(loop: SimulatedLoop) -> None:
    with pytest.raises(Stuck):
        loop.run_until_complete(loop.create_future())


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with open_simulation() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("first", [1, pytest.param(1 + EACH, marks=pytest.mark.campaign)])
def test_no_schedule_violates_an_invariant(simulation: Simulation, first: int) -> None:
    results = [simulation.run_seed(seed) for seed in range(first, first + EACH)]
    assert [(one.name, one.violations) for one in results if one.violations] == []
    assert sum(one.kills for one in results) > EACH / 10
    assert sum(one.freezes for one in results) > EACH / 20


@pytest.mark.slow
def test_a_payment_is_found_although_the_clock_of_a_host_is_an_hour_ahead(
    simulation: Simulation,
) -> None:
    """Its key is spent, so only the list says that it was opened; else it could still be charged."""
    assert simulation.run_seed(415).violations == []


@pytest.mark.slow
def test_two_stored_faults_and_two_of_the_look_up_leave_enough_attempts(
    simulation: Simulation,
) -> None:
    """The order waits between its attempts, and no attempt finds out again that its key is spent."""
    assert simulation.run_seed(721).violations == []


@pytest.mark.slow
def test_other_processes_finish_the_work_after_any_failed_call(simulation: Simulation) -> None:
    """Run every 37th schedule; python -m tests.faults --every-call runs all of them."""
    results = [simulation.run(schedule) for schedule in islice(failing_calls(), 3, None, 37)]
    assert [(one.name, one.violations) for one in results if one.violations] == []


@pytest.mark.slow
def test_there_are_no_more_calls_than_can_fail(simulation: Simulation) -> None:
    for name in (f"fail before:{NTH_IO}", f"cut:{NTH_CALL}"):
        trace = simulation.run(schedule_named(name)).trace
        assert not any("will fail" in line or line.endswith(" cut") for line in trace)


@pytest.mark.slow
def test_another_process_repeats_a_seed_exactly(simulation: Simulation) -> None:
    result = simulation.run_seed(7)
    command = [sys.executable, "-m", "tests.faults", "--simulate", "7"]
    other_hash_seed = os.environ | {"PYTHONHASHSEED": "12"}
    again = subprocess.run(command, cwd=ROOT, env=other_hash_seed, capture_output=True, check=True)
    assert again.stdout.decode().splitlines() == result.trace


def test_schedules_alone_catch_enough_mutants() -> None:
    assert sum(mutant.schedules > 0 for mutant in mutants()) >= 3
