"""The benchmark of scheduling: its schedules are valid, and its figures are those of small cases by hand."""

import random
from pathlib import Path

import pytest

from tests.benchmarks.machine import ROOT, ask
from tests.benchmarks.scheduling import arrivals, load_step, makespan
from tests.benchmarks.scheduling.forecasts import learned
from tests.benchmarks.scheduling.simulation import Schedule, run
from tests.benchmarks.scheduling.traces import Workflow, generate, kind_of, workflows

# Two short tasks come first in the file; the third one begins a long chain.
FORK = Workflow("made/fork", ["a", "a", "b", "c"], [[], [], [], [2]], [2.0, 2.0, 1.0, 6.0])


def most_at_once(workflow: Workflow, schedule: Schedule) -> int:
    """How many tasks ran at the same time, at most; one that ends frees its worker for the next."""
    moves = [(start, 1) for start in schedule.starts]
    moves += [(s + t, -1) for s, t in zip(schedule.starts, workflow.seconds, strict=True)]
    running = most = 0
    for _, change in sorted(moves):
        running += change
        most = max(most, running)
    return most


@pytest.mark.parametrize("workers", makespan.WORKERS)
def test_schedules_are_valid(workers: int) -> None:
    for workflow in generate(3, families=2, runs=3, width=30):
        for keys in (None, makespan.keys(workflow, workflow.seconds)):
            schedule = run(workflow, workers, keys)
            ends = [s + t for s, t in zip(schedule.starts, workflow.seconds, strict=True)]
            assert most_at_once(workflow, schedule) <= workers
            assert max(ends) == schedule.makespan
            assert schedule.makespan >= workflow.work / workers
            for task, parents in enumerate(workflow.parents):
                assert all(ends[parent] <= schedule.starts[task] for parent in parents)


def test_first_in_first_out_and_the_oracle_by_hand() -> None:
    assert run(FORK, 2, None) == Schedule([0.0, 0.0, 2.0, 3.0], 9.0)
    keys = makespan.keys(FORK, FORK.seconds)
    assert keys == pytest.approx([-2.0, -2.0, -7.0, -6.0], abs=0.07)
    assert run(FORK, 2, keys) == Schedule([0.0, 2.0, 0.0, 1.0], 7.0)


def test_the_kind_of_a_task_has_no_number() -> None:
    assert kind_of("blastall_ID000052") == "blastall"
    assert kind_of("fast2bfq_fast2bfq_HEP2_s_1_sequence_9_ID0000041") == "fast2bfq"
    assert kind_of("NFCORE_RNASEQ.RNASEQ.MULTIQC") == "NFCORE_RNASEQ.RNASEQ.MULTIQC"


def test_no_workflow_is_forecast_from_itself() -> None:
    family = generate(3, families=1, runs=4, width=12)
    strange = Workflow(
        family[0].name, family[0].kinds, family[0].parents, [1e6] * len(family[0].seconds)
    )
    expected = learned([strange, *family[1:]])[strange.name]
    assert max(expected) < 1e5


def test_all_wait_as_in_a_queue_by_hand() -> None:
    found = arrivals.Arrivals([0.0, 0.0, 0.0, 1.0], [4.0, 6.0, 3.0, 1.0], [4.0, 6.0, 3.0, 1.0])
    assert arrivals.waits(found, arrivals.FirstIn()) == [0.0, 0.0, 4.0, 5.0]
    assert arrivals.waits(found, arrivals.Ungated()) == [0.0, 0.0, 5.0, 3.0]


def test_inverted_forecasts_close_the_gate_so_that_nobody_waits_longer() -> None:
    numbers = random.Random(3)
    seconds = [numbers.lognormvariate(0, 1.5) for _ in range(500)]
    found = arrivals.arrivals([(one, -one) for one in seconds], 400, seed=1)
    assert arrivals.waits(found, arrivals.Product()) == arrivals.waits(found, arrivals.FirstIn())
    assert arrivals.waits(found, arrivals.Ungated()) != arrivals.waits(found, arrivals.FirstIn())


def test_without_the_file_workflows_are_made_and_the_answer_says_so() -> None:
    found, source = workflows(ROOT / "no such file", seed=1)
    assert "generated" in source
    assert found == workflows(ROOT / "no such file", seed=1)[0]


@pytest.mark.campaign
def test_the_real_runtime_takes_as_long_as_the_simulation_says(tmp_path: Path) -> None:
    here = {"AGENT_FLOWS_DATA": str(tmp_path), "AGENT_FLOWS_CONCURRENCY": "local"}
    answer = ask("scheduling.real_runs", "--quick", "--traces", tmp_path / "none", environment=here)
    ratios = answer["makespan_over_simulated"].values()
    assert ratios
    assert all(0.8 < one < 1.25 for one in ratios)


@pytest.mark.campaign
def test_it_ends_with_one_json_object(tmp_path: Path) -> None:
    given = ("--quick", "--simulation", "--traces", ROOT / "no such file", "--plots", tmp_path)
    answer = ask("scheduling", *given, environment={})
    assert answer["makespan"]["learned"]["worst_of_oracle"] >= 0.9
    assert answer["load_step"]["longer, by time"]["below_claimed"] == 0
    assert len(list(tmp_path.glob("*.svg"))) == 3
    assert set(answer["arrivals"]) == set(arrivals.CASES)


def test_consumers_for_a_step_of_load_never_fall_below_what_is_claimed() -> None:
    numbers = random.Random(5)
    pairs = [(one, one) for one in (numbers.uniform(1, 20) for _ in range(200))]
    for seeds in load_step.measure(pairs, 1).values():
        assert seeds[0].below_claimed == 0
        assert seeds[0].cost >= 1.0


def test_with_the_time_to_drain_longer_tasks_get_more_consumers_than_their_number_says() -> None:
    pairs = [(5.0, 5.0)] * 50 + [(20.0, 20.0)] * 50
    found = load_step.measure(pairs, 1)
    by_time, by_count = found["longer, by time"][0], found["longer, by count"][0]
    assert by_time.over < by_count.over / 4
