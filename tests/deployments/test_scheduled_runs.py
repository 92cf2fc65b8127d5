"""Prefect's scheduler creates runs, which it does not by itself with the SQLAlchemy that is installed."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runtime.settings import ROOT

SCHEDULE = """
import asyncio
from prefect.server import models
from prefect.server.database import provide_database_interface
from prefect.server.schemas.core import Deployment, DeploymentSchedule, Flow
from prefect.server.schemas.schedules import CronSchedule
from prefect.server.services.scheduler import schedule_deployments

async def main():
    database = provide_database_interface()
    await database.create_db()
    minutely = DeploymentSchedule(schedule=CronSchedule(cron="* * * * *"), active=True)
    async with database.session_context(begin_transaction=True) as session:
        flow = await models.flows.create_flow(session, Flow(name="f"))
        deployment = Deployment(name="d", flow_id=flow.id, schedules=[minutely])
        await models.deployments.create_deployment(session, deployment)
    await schedule_deployments()
    async with database.session_context() as session:
        runs = await models.flow_runs.read_flow_runs(session)
        print({run.state.type.value for run in runs})

asyncio.run(main())
"""
WITHOUT = (
    "import sys; sys.meta_path[:] = [one for one in sys.meta_path if one.__name__ != 'Models']\n"
)


def scheduled(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run the scheduler once on a database of its own, with one deployment that is due each minute."""
    url = f"sqlite+aiosqlite:///{folder / 'prefect.db'}"
    own = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_DATABASE_CONNECTION_URL": url}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.slow
def test_schedules_start_runs(tmp_path: Path) -> None:
    done = scheduled(tmp_path, SCHEDULE)
    assert (done.returncode, done.stdout.strip()) == (0, "{'SCHEDULED'}"), done.stderr


@pytest.mark.slow
def test_without_the_repair_no_schedule_does(tmp_path: Path) -> None:
    """When this fails, Prefect and SQLAlchemy agree again: remove scheduled_runs.py and its .pth."""
    done = scheduled(tmp_path, WITHOUT + SCHEDULE)
    assert done.returncode == 1
    assert "Can't evaluate bulk DML statement" in done.stderr


def test_what_is_installed_is_the_file_of_the_project() -> None:
    installed = importlib.import_module("agent_flows_scheduled_runs")
    source = ROOT / "deployments" / "scheduled_runs.py"
    assert installed.__file__ is not None
    assert Path(installed.__file__).read_text("utf-8") == source.read_text("utf-8")
    assert installed.Models in sys.meta_path


def test_it_loads_nothing_of_ours_and_no_prefect() -> None:
    code = "import sys; print([n for n in sys.modules if n.startswith(('agents', 'prefect', 'sqlalc'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
