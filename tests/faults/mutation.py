"""`python -m tests.faults.mutation`: mutation tests, which show that the fault tests find broken code.

Each mutant is a patch in mutants/. Its head says what it breaks, the cells (of orders, a study, tasks or returns)
that must catch it, and the number of simulated schedules within which the simulation must catch it. What no
fault shows, because it is wrong without one too, must fail the tests that the head names. The command patches
a copy of the source and runs them there. The exit status is 1 if a mutant survives.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = Path(__file__).parent / "mutants"
NEXT_RELEASE = Path(__file__).parent / "releases" / "next.patch"
PARTS = ("agents", "flows", "deployments", "tests", "pyproject.toml")
CAMPAIGN_TIMEOUT = 600  # seconds
LEASE = 4  # seconds; a busy machine takes a shorter lease from a run before the mutant acts
SCHEDULES = "Schedules: "
TESTS = "Study tests: "
KINDS = {
    "Cells: ": "",
    "Study cells: ": "study",
    "Task cells: ": "tasks",
    "Return cells: ": "returns",
}
TIERS = ("cells", "schedules")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break the product, and the cells or tests that must catch it.

    `workload` is the option of the cells, if any.
    """

    name: str
    what: str
    cells: tuple[str, ...]
    schedules: int
    patch: Path
    workload: str = ""
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MutantResult:
    """Whether a mutant was caught, and by which violation; or why it could not be run."""

    mutant: Mutant
    caught: bool
    by: str


def mutants() -> list[Mutant]:
    """Return all mutants."""
    return [_mutant(path) for path in sorted(MUTANTS.glob("*.patch"))]


def applies(mutant: Mutant, tree: Path) -> bool:
    """Whether the patch fits the source in `tree`."""
    return _git_apply(mutant.patch, tree, "--check")


def run_mutant(mutant: Mutant, at_once: int = 4, by: Sequence[str] = TIERS) -> MutantResult:
    """Patch a copy of the source and run the mutant's cells and schedules there, or only one tier."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        copy_source(tree)
        if not _git_apply(mutant.patch, tree):
            return MutantResult(mutant, caught=False, by="the patch does not apply to the source")
        if mutant.tests:
            return _tested(mutant, tree)
        campaigns = [_cells(mutant, tree, at_once)] if "cells" in by else []
        campaigns += [_schedules(mutant)] if "schedules" in by and mutant.schedules else []
        results = [_result(mutant, tree, options) for options in campaigns]
    caught = all(result.caught for result in results)
    return MutantResult(mutant, caught, "; ".join(result.by for result in results))


def _result(mutant: Mutant, tree: Path, options: list[str]) -> MutantResult:
    done = _campaign(tree, options)
    *violations, last = done.stdout.splitlines() or [""]
    try:
        violated = json.loads(last)["violations"] > 0
    except (ValueError, KeyError):
        return MutantResult(mutant, caught=False, by=f"no result: {done.stderr[-300:]}")
    caught = violated and done.returncode == 1
    return MutantResult(mutant, caught, violations[0] if violations else "nothing")


def _tested(mutant: Mutant, tree: Path) -> MutantResult:
    """Whether a test fails by the mutant; one that cannot run is no answer."""
    done = _python(tree, "pytest", "-q", "-n0", "-x", "-m", "slow or not slow", *mutant.tests)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    by = failed[0] if failed else f"{done.stdout[-150:]}{done.stderr[-150:]}"
    return MutantResult(mutant, done.returncode == 1 and bool(failed), by)


def _cells(mutant: Mutant, tree: Path, at_once: int) -> list[str]:
    history = f"--history={tree / 'history' / 'history.jsonl'}"
    return [
        f"--at-once={at_once}",
        f"--lease={LEASE}",
        history,
        *[f"--{mutant.workload}"] * bool(mutant.workload),
        *(f"--cell={cell}" for cell in mutant.cells),
    ]


def _schedules(mutant: Mutant) -> list[str]:
    return [f"--schedules={mutant.schedules}", "--stop-early"]


def copy_source(tree: Path) -> None:
    """Copy the source as it is now, without bytecode."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, tree / part)


def _campaign(tree: Path, options: list[str]) -> "subprocess.CompletedProcess[str]":
    return _python(tree, "tests.faults", *options)


def _python(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # The project is installed editable: the copy must come first, and the fork server asserts that.
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=CAMPAIGN_TIMEOUT,
        check=False,
    )


@asynccontextmanager
async def next_release() -> AsyncIterator[Path]:
    """Create the source of the next release, which stores forms that this release does not know."""
    with tempfile.TemporaryDirectory(prefix="next-release-") as folder:
        tree = Path(folder)
        await asyncio.to_thread(copy_source, tree)
        assert _git_apply(NEXT_RELEASE, tree), "releases/next.patch does not fit the source"
        yield tree


def _git_apply(patch: Path, tree: Path, *options: str) -> bool:
    command = ["git", "apply", "-p1", "-C1", *options, str(patch)]
    ceiling = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    return subprocess.run(command, cwd=tree, env=ceiling, check=False).returncode == 0


def _mutant(path: Path) -> Mutant:
    what, cells, more, *_ = path.read_text("utf-8").splitlines()
    if cells.startswith(TESTS):
        tests = tuple(cells.removeprefix(TESTS).split())
        return Mutant(path.stem, what, (), 0, path, "study", tests)
    schedules = int(more.removeprefix(SCHEDULES)) if more.startswith(SCHEDULES) else 0
    head = next(head for head in KINDS if cells.startswith(head))
    wanted = cells.removeprefix(head).split()
    return Mutant(path.stem, what, tuple(wanted), schedules, path, KINDS[head])


def main() -> int:
    """Run the mutants, print a table, and last one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutation")
    parser.add_argument("names", nargs="*", help="only these mutants")
    options = parser.parse_args()
    results = []
    for mutant in mutants():
        if options.names and mutant.name not in options.names:
            continue
        result = run_mutant(mutant)
        results.append(result)
        verdict = "caught" if result.caught else "SURVIVED"
        sys.stdout.write(
            f"{verdict:9} {mutant.name:24} {mutant.what}\n{'':9} by {result.by[:150]}\n"
        )
        sys.stdout.flush()
    caught = sum(result.caught for result in results)
    sys.stdout.write(json.dumps({"mutants": len(results), "mutants_caught": caught}) + "\n")
    return 0 if results and caught == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
