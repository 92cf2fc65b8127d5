"""Order processing as a terminal shows it: killed in the middle, run again, run once more."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from agents.runtime.settings import PREFIX
from agents.services.sandbox.process import stop_sandbox
from tests.pictures.drawing import picture
from tests.pictures.terminal import Shell

COMMAND = "python -m flows.order_processing"
DATA = ".agent-flows"  # relative, so that the path of the report names no machine
BAR = re.compile(r" (\d+)/(\d+) (\d+):(\d\d):(\d\d)")
SECONDS_INTO_BATCH = 2  # from the end of one batch: effects of the next are under way


def record(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and SVG of each picture, as soon as the terminal shows it. Raises TimeoutError."""
    folder.mkdir()
    try:
        with Shell(folder, _environment(folder)) as shell:
            shell.type(COMMAND)
            _wait_for_the_middle(shell)
            shell.kill()
            shell.wait_for_prompt()
            yield "killed", picture(shell.characters(), "1. kill -9 in the middle of 1,000 orders")
            shell.type(COMMAND)
            shell.wait_for_prompt()
            yield (
                "resumed",
                picture(shell.characters(), "2. The same command finishes what it began"),
            )
            shell.type(COMMAND)
            shell.wait_for_prompt()
            yield (
                "repeated",
                picture(shell.characters(), "3. Once more: every order is already done"),
            )
    finally:
        stop_sandbox(folder / DATA)


def _wait_for_the_middle(shell: Shell) -> None:
    shell.wait(lambda lines: _seconds(lines) > 0)
    later = _seconds(shell.lines()) + SECONDS_INTO_BATCH
    shell.wait(lambda lines: _seconds(lines) >= later)


def _seconds(lines: list[str]) -> int:
    """What the clock of the bar shows while some orders are done and others are not; 0 otherwise."""
    if (found := BAR.search(lines[-1])) is None:
        return 0
    done, total, hours, minutes, seconds = map(int, found.groups())
    return hours * 3_600 + minutes * 60 + seconds if 0 < done < total else 0


def _environment(folder: Path) -> dict[str, str]:
    """A new user's: no settings, an empty home, and the Python that runs this first in the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    home = {"HOME": str(folder), "PREFECT_HOME": str(folder / "prefect")}
    return {
        "PATH": path,
        "LANG": "C.UTF-8",
        "DO_NOT_TRACK": "1",
        f"{PREFIX}DATA": DATA,
        **home,
    }
