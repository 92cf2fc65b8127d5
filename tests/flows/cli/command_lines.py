"""Command lines of flows, parsed by a child process as a terminal would parse them."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable

from agents.runtime.settings import ROOT

START = "uv run python -m "


def flows_of(lines: Iterable[str]) -> dict[str, str]:
    """The name of the flow that each line runs, or what its command says instead.

    Each line begins with `uv run python -m flows`. A file given as "$(cat ...)" is an empty object.
    """
    by_module: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        by_module[line.removeprefix(START).split()[0]].append(line)
    found: dict[str, str] = {}
    for module, same in by_module.items():
        arguments = [line.removeprefix(f"{START}{module}") for line in same]
        found |= dict(zip(same, _dry_run(module, arguments), strict=True))
    return found


def _dry_run(module: str, arguments: list[str]) -> list[str]:
    lines = [line.replace("$(cat order.json)", "{}") for line in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.cli.dry_run", module],
        cwd=ROOT,
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[str] = json.loads(done.stdout.splitlines()[-1])
    return results
