"""What order, learned forecasts and scaling gain on real workflows, by the product's own policies.

python -m tests.benchmarks.scheduling [--traces FILE] [--quick] [--simulation] [--plots FOLDER]; the
last line is one JSON object. Without the file, workflows of the same shape are generated, and the answer
says so. `--simulation` leaves out the sample that the real runtime runs.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.machine import ask, tell
from tests.benchmarks.scheduling import arrivals, load_step, makespan
from tests.benchmarks.scheduling.forecasts import OF_ONE, learned
from tests.benchmarks.scheduling.plots import draw
from tests.benchmarks.scheduling.traces import Workflow, workflows

ARRIVALS, FEW_ARRIVALS = 20_000, 2_000
WIDTH = 40  # columns of a table
FEW = 10  # of how many workflows one is taken by --quick


def main() -> None:
    """Measure and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=Path, help="a file of workflows with measured run times")
    parser.add_argument("--quick", action="store_true", help="few workflows and few arrivals")
    parser.add_argument("--plots", type=Path, help="a folder for the pictures")
    parser.add_argument("--simulation", action="store_true", help="without the real runtime")
    given = parser.parse_args()
    begun = time.monotonic()
    found, source = workflows(given.traces)
    found = found[::FEW] if given.quick else found
    _line(f"{len(found)} {source}\n")
    answer: dict[str, object] = {
        "workflows": len(found),
        "tasks": sum(len(one.seconds) for one in found),
        "source": source,
    }
    answer |= _simulated(found, given)
    if not given.simulation:
        answer["real"] = _real(given.traces, quick=given.quick)
    tell(answer | {"seconds": round(time.monotonic() - begun, 1)})


def _simulated(found: Sequence[Workflow], given: argparse.Namespace) -> dict[str, object]:
    expected = learned(found, places=False, seconds=OF_ONE)
    pairs = [pair for one in found for pair in zip(one.seconds, expected[one.name], strict=True)]
    tasks = [(seconds, forecast) for seconds, forecast in pairs if seconds > 0]
    _progress(f"makespan of {len(found)} workflows")
    makespans = makespan.measure(found)
    answer: dict[str, object] = {"makespan": _makespan(makespans)}
    count = FEW_ARRIVALS if given.quick else ARRIVALS
    _progress(f"{count:,} arrivals of {arrivals.SEEDS} seeds")
    waits = arrivals.measure(tasks, count)
    answer["arrivals"] = _arrivals(waits)
    _progress(f"a step of load x {load_step.TIMES}")
    answer["load_step"] = _load_step(load_step.measure(tasks, 1 if given.quick else arrivals.SEEDS))
    if given.plots:
        means = {name: arrivals.mean_of(seeds) for name, seeds in waits.items()}
        for file in draw(given.plots, makespans, means, load_step.courses(tasks)):
            _line(f"wrote {file.name}")
    return answer


def _makespan(results: Mapping[str, makespan.Makespan]) -> dict[str, object]:
    workers = ", ".join(map(str, makespan.WORKERS))
    _table(
        f"Makespan on {workers} workers",
        ("order", "close", "worst", "worse"),
        {name: one.row() for name, one in results.items()},
    )
    return {name: one.figures() for name, one in results.items()}


def _arrivals(results: Mapping[str, Sequence[arrivals.Waits]]) -> dict[str, object]:
    means = {name: arrivals.mean_of(seeds) for name, seeds in results.items()}
    _table(
        "Waits over first in, first out",
        ("order", "mean", "p99", "max"),
        {
            name: [f"{one.mean:.2f}", f"{one.p99:.2f}", f"{one.longest:.2f}"]
            for name, one in means.items()
        },
    )
    return {
        name: {
            "mean": round(one.mean, 3),
            "p99": round(one.p99, 3),
            "max": round(one.longest, 3),
            "mean_by_seed": [round(seed.mean, 3) for seed in results[name]],
        }
        for name, one in means.items()
    }


def _load_step(found: Mapping[str, Sequence[load_step.Answer]]) -> dict[str, object]:
    results = {name: load_step.mean_of(seeds) for name, seeds in found.items()}
    _table(
        f"Load x {load_step.TIMES}: scaling by",
        ("new tasks, rule", "late s", "peak", "cost"),
        {
            name: [f"{one.over:.0f}", f"{one.overshoot:.2f}", f"{one.cost:.2f}"]
            for name, one in results.items()
        },
    )
    return {name: one.figures() for name, one in results.items()}


def _real(traces: Path | None, *, quick: bool) -> dict[str, object]:
    """The sample that the real runtime runs, in a process with a data folder of its own."""
    _progress("the real runtime")
    given = [*(("--traces", traces) if traces else ()), *(("--quick",) if quick else ())]
    with tempfile.TemporaryDirectory() as data:
        here = {"AGENT_FLOWS_DATA": data, "AGENT_FLOWS_CONCURRENCY": "local"}
        found = ask("scheduling.real_runs", *given, environment=here)
    ratios = {**found["makespan_over_simulated"], **found["mean_wait_over_simulated"]}
    _table(
        "The real runtime over the simulation",
        ("sample", "ratio"),
        {
            name.rpartition("/")[2].removesuffix(".json")[:28]: [f"{one:.2f}"]
            for name, one in ratios.items()
        },
    )
    return found


def _table(title: str, header: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    _line(title)
    for name, values in {header[0]: header[1:], **rows}.items():
        figures = "".join(f"{one:>7}" for one in values)
        _line(f"{name:<{WIDTH - len(figures)}}{figures}")
    _line("")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")


def _progress(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
