"""The commands of the runbook are ones, and do what a person who was woken needs: they end and answer."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runtime.settings import ROOT
from deployments.observability.alerts import ALERTS
from flows.operations.__main__ import GROUPS

COMMANDS = sorted({line for alert in ALERTS for line in alert.page.look})
OPERATIONS = "uv run python -m flows.operations "
OTHERS = {"uv run python -m deployments.check"}


def test_every_command_is_one() -> None:
    operations = {line for line in COMMANDS if line.startswith(OPERATIONS)}
    assert set(COMMANDS) - operations == OTHERS
    known = {flow.name: flow for flows in GROUPS.values() for flow in flows}
    for line in operations:
        name, *words = shlex.split(line.removeprefix(OPERATIONS))
        options = {word.removeprefix("--") for word in words if word.startswith("--")}
        assert options <= {one.replace("_", "-") for one in known[name].parameters.properties}, line


@pytest.mark.campaign
@pytest.mark.parametrize("line", COMMANDS)
def test_a_first_look_answers(line: str, tmp_path: Path) -> None:
    """Each as a person types it, on a journal that has nothing; the drill runs them where something is wrong."""
    own = {
        "AGENT_FLOWS_DATA": str(tmp_path),
        "AGENT_FLOWS_PREFECT_IDLE_SECONDS": "5",
        "PREFECT_HOME": str(tmp_path / "prefect"),
    }
    module = shlex.split(line.removeprefix("uv run python "))
    done = subprocess.run(
        [sys.executable, *module],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
