"""`python -m tests.faults.sabotage`: break the product on purpose; a harness that stays green is worth nothing.

Each mutant is a patch in mutants/. Its head says what it breaks and the cells, of orders or of a
study, that must see it, or within how many simulated schedules that must show. The tree is copied,
patched, and both are run on the copy; exit status 1 if one survives either.
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
LONGEST_CAMPAIGN = 600
SCHEDULES = "Schedules: "
STUDY = "Study cells: "
WAYS = ("cells", "schedules")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break the product, and the cells in which that must show."""

    name: str
    what: str
    cells: tuple[str, ...]
    schedules: int
    patch: Path
    study: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a mutant was caught, and by what: the first breach, or why it could not be judged."""

    mutant: Mutant
    caught: bool
    by: str


def mutants() -> list[Mutant]:
    """All of them."""
    return [_mutant(path) for path in sorted(MUTANTS.glob("*.patch"))]


def applies(mutant: Mutant, tree: Path) -> bool:
    """Whether the patch fits the source in `tree`."""
    return _git_apply(mutant.patch, tree, "--check")


def sabotage(mutant: Mutant, at_once: int = 4, by: Sequence[str] = WAYS) -> Judged:
    """Patch a copy of the source and run the mutant's cells and schedules there, or only one kind."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        copy_source(tree)
        if not _git_apply(mutant.patch, tree):
            return Judged(mutant, caught=False, by="the patch does not apply to the source")
        ways = [_cells(mutant, tree, at_once)] if "cells" in by else []
        ways += [_schedules(mutant)] if "schedules" in by and mutant.schedules else []
        told = [_tried(mutant, tree, options) for options in ways]
    return Judged(mutant, all(one.caught for one in told), "; ".join(one.by for one in told))


def _tried(mutant: Mutant, tree: Path, options: list[str]) -> Judged:
    done = _campaign(tree, options)
    *breaches, last = done.stdout.splitlines() or [""]
    try:
        violated = json.loads(last)["violations"] > 0
    except (ValueError, KeyError):
        return Judged(mutant, caught=False, by=f"no verdict: {done.stderr[-300:]}")
    return Judged(mutant, violated and done.returncode == 1, breaches[0] if breaches else "nothing")


def _cells(mutant: Mutant, tree: Path, at_once: int) -> list[str]:
    history = f"--history={tree / 'history' / 'history.jsonl'}"
    return [
        f"--at-once={at_once}",
        "--lease=2",
        history,
        *["--study"] * mutant.study,
        *(f"--cell={cell}" for cell in mutant.cells),
    ]


def _schedules(mutant: Mutant) -> list[str]:
    return [f"--schedules={mutant.schedules}", "--stop-early"]


def copy_source(tree: Path) -> None:
    """The source as it stands now, without what was compiled from it."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, tree / part)


def _campaign(tree: Path, options: list[str]) -> "subprocess.CompletedProcess[str]":
    # The project is installed editable: the copy must come first, and the nursery asserts it did.
    return subprocess.run(
        [sys.executable, "-m", "tests.faults", *options],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=LONGEST_CAMPAIGN,
        check=False,
    )


@asynccontextmanager
async def next_release() -> AsyncIterator[Path]:
    """The source of the next release, which has stored forms that this one does not know."""
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
    schedules = int(more.removeprefix(SCHEDULES)) if more.startswith(SCHEDULES) else 0
    study = cells.startswith(STUDY)
    wanted = cells.removeprefix(STUDY if study else "Cells: ").split()
    return Mutant(path.stem, what, tuple(wanted), schedules, path, study)


def main() -> int:
    """Try the mutants, print a table, and last one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.sabotage")
    parser.add_argument("names", nargs="*", help="only these mutants")
    asked = parser.parse_args()
    tried = []
    for mutant in mutants():
        if asked.names and mutant.name not in asked.names:
            continue
        judged = sabotage(mutant)
        tried.append(judged)
        word = "caught" if judged.caught else "SURVIVED"
        sys.stdout.write(f"{word:9} {mutant.name:24} {mutant.what}\n{'':9} by {judged.by[:150]}\n")
        sys.stdout.flush()
    caught = sum(judged.caught for judged in tried)
    sys.stdout.write(json.dumps({"mutants": len(tried), "mutants_caught": caught}) + "\n")
    return 0 if tried and caught == len(tried) else 1


if __name__ == "__main__":
    sys.exit(main())
