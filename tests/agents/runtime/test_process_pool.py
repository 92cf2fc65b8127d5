"""CPU work is killed when its time is up, and whatever becomes of its process hurts its item alone."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import AGENTS, Agent
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import CPU
from agents.runtime.process_pool import _ForkServer
from agents.runtime.settings import Settings
from tests.agents.runtime.crashing_worker import (
    LITTLE,
    SECONDS,
    labour,
    labour_together,
    patient_labour,
)
from tests.agents.runtime.jobs import (
    JOBS,
    Job,
    Made,
    jobs,
    letters,
    run,
    states,
    until,
)

ROOT = Path(__file__).resolve().parents[3]
ONE_DATABASE = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
pytestmark = pytest.mark.usefixtures("no_waits")


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").split()[2] == "Z"
    except OSError:
        return True


def told(path: Path) -> int:
    return int((path.read_text("ascii") if path.exists() else "") or 0)


async def begun(path: Path) -> int:
    """The process that works on a job which told it to this file."""
    await until(lambda: told(path), 60)
    return told(path)


async def stopped(going: "asyncio.Task[Any]") -> None:
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


def nursery_of(opened: Any) -> _ForkServer:
    found: _ForkServer = opened.process_pool._fork_server.result()
    return found


@ONE_DATABASE
@pytest.mark.slow
@pytest.mark.usefixtures("opened")
async def test_each_trouble_is_that_of_its_item_alone(tmp_path: Path) -> None:
    assert (await run(jobs(1), labour)).outcomes == {"job completed": 1}
    troubles = ["die", "exit", "eat", "hopeless", "bug"]
    some = [*jobs(6)[1:], *(Job(key=trouble, text=trouble) for trouble in troubles)]
    found = await run(some, labour)
    assert found.outcomes == {"job completed": 5, "job failed": 1, "dead-lettered": 4}
    assert found.stats.reasons["job failed"] == {"hopeless": 1}
    assert {(dead.error_type, dead.error, dead.attempts) for dead in await letters()} == {
        ("ValueError", "bug", 1),
        ("TransientError", f"labour needs more than {LITTLE} bytes of memory", 2),
        ("TransientError", "labour: its process was killed by SIGKILL", 2),
        ("TransientError", "labour: its process ended without an answer", 2),
    }
    started = time.monotonic()
    looping = Job(key="loop", text=f"loop:{tmp_path}/loop")
    found = await run([looping, *jobs(16)[6:]], labour)
    assert found.outcomes == {"job completed": 10, "dead-lettered": 1}
    assert time.monotonic() - started < 2 * (SECONDS + 1), "two attempts"
    looped = await begun(tmp_path / "loop")
    await until(lambda: is_gone(looped), 5)
    assert (await states())["loop"] == "dead_lettered"


@ONE_DATABASE
@pytest.mark.slow
@pytest.mark.usefixtures("opened")
async def test_a_batch_is_halved_until_the_guilty_are_alone() -> None:
    some = [*jobs(2), Job(key="loop", text="loop"), Job(key="die", text="die")]
    assert (await run(some, labour_together)).outcomes == {"job completed": 2, "dead-lettered": 2}
    assert {letter.error for letter in await letters()} == {
        "TimeoutError",
        "labour_together: its process was killed by SIGKILL",
    }


@ONE_DATABASE
@pytest.mark.slow
async def test_no_process_outlives_who_asked_for_it(
    journal_settings: Settings, tmp_path: Path
) -> None:
    def job(name: str) -> Job:
        return Job(key=name, text=f"loop:{tmp_path}/{name}")

    async with open_runtime(journal_settings) as opened:
        short = replace(JOBS, deadline=lambda _job: timedelta(seconds=30))
        going = asyncio.create_task(run([job("cancelled")], patient_labour, scenario=short))
        worker = await begun(tmp_path / "cancelled")
        await stopped(going)
        await until(lambda: is_gone(worker), 5)

        soon = replace(JOBS, deadline=lambda _job: timedelta(seconds=2))
        found = await run([job("late")], patient_labour, scenario=soon)
        assert found.stats.reasons == {"job failed": {"deadline exceeded": 1}}
        worker = await begun(tmp_path / "late")
        await until(lambda: is_gone(worker), 5)

        going = asyncio.create_task(run([job("orphan")], labour))
        worker = await begun(tmp_path / "orphan")
        os.kill(nursery_of(opened).process.pid, signal.SIGKILL)
        await until(lambda: is_gone(worker), 5)
        await going
        assert (await run([Job(key="next")], labour)).outcomes == {"job completed": 1}

        nursery = nursery_of(opened)
        going = asyncio.create_task(run([job("last")], patient_labour))
        worker = await begun(tmp_path / "last")
        await stopped(going)
    await until(lambda: is_gone(worker), 5)
    await until(lambda: is_gone(nursery.process.pid), 5)
    assert not nursery.address.parent.exists()


@pytest.mark.slow
async def test_a_killed_process_leaves_none_behind(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.agents.runtime.crashing_worker"]
    child = await asyncio.create_subprocess_exec(
        *program, str(tmp_path), str(tmp_path / "pid"), cwd=ROOT
    )
    worker = await begun(tmp_path / "pid")
    assert not is_gone(worker)
    child.kill()
    await child.wait()
    await until(lambda: is_gone(worker), 5)


def test_what_another_process_could_not_call_is_refused() -> None:
    with pytest.raises(TypeError, match="plain function"):

        @agent(CPU)
        async def wait(job: Job) -> None: ...

    with pytest.raises(TypeError, match="top level"):

        @agent(CPU)
        def local(job: Job) -> None: ...


def test_what_it_is_given_and_gives_travels_as_json() -> None:
    some = [Job(key="a", n=1), Job(key="b", n=2)]
    together: Agent[Any, Any] = AGENTS["labour_together"]
    made = together.unpacked(together.call_packed(together.packed([some])))
    assert made == [Made(by=str(os.getpid()), n=1), Made(by=str(os.getpid()), n=2)]
    for fact in (None, Made(by="x")):
        arguments = patient_labour.packed([some[0], fact])
        assert patient_labour._packing[0].validate_json(arguments) == (some[0], fact)
