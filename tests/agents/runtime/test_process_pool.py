"""A CPU call is killed at its timeout, and a crash of its process affects only its item."""

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

from agents.runtime import child_start, process_pool
from agents.runtime.child_start import DidNotStart
from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import AGENTS, Agent
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import CPU
from agents.runtime.process_pool import ProcessPool, _ForkServer
from agents.runtime.settings import Settings
from tests.agents.runtime.crashing_worker import (
    MEMORY,
    SECONDS,
    compute,
    compute_batch,
    long_compute,
)
from tests.agents.runtime.jobs import (
    JOBS,
    Job,
    Made,
    dead_letter_rows,
    jobs,
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


def pid_in(path: Path) -> int:
    return int((path.read_text("ascii") if path.exists() else "") or 0)


async def begun(path: Path) -> int:
    """The process id that a running job has written to this file."""
    await until(lambda: pid_in(path), 60)
    return pid_in(path)


async def stopped(going: "asyncio.Task[Any]") -> None:
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


def fork_server_of(opened: Any) -> _ForkServer:
    found: _ForkServer = opened.process_pool._fork_server.result()
    return found


@ONE_DATABASE
@pytest.mark.slow
@pytest.mark.usefixtures("opened")
async def test_each_crash_or_error_affects_only_its_item(tmp_path: Path) -> None:
    assert (await run(jobs(1), compute)).outcomes == {"job completed": 1}
    troubles = ["die", "exit", "eat", "hopeless", "bug"]
    given = [*jobs(6)[1:], *(Job(key=trouble, text=trouble) for trouble in troubles)]
    found = await run(given, compute)
    assert found.outcomes == {"job completed": 5, "job failed": 1, "dead-lettered": 4}
    assert found.stats.reasons["job failed"] == {"hopeless": 1}
    assert {(dead.error_type, dead.error, dead.attempts) for dead in await dead_letter_rows()} == {
        ("ValueError", "bug", 1),
        ("TransientError", f"compute needs more than {MEMORY} bytes of memory", 2),
        ("TransientError", "compute: its process was killed by SIGKILL", 2),
        ("TransientError", "compute: its process ended without an answer", 2),
    }
    started = time.monotonic()
    looping = Job(key="loop", text=f"loop:{tmp_path}/loop")
    found = await run([looping, *jobs(16)[6:]], compute)
    assert found.outcomes == {"job completed": 10, "dead-lettered": 1}
    assert time.monotonic() - started < 2 * (SECONDS + 1), "two attempts"
    looped = await begun(tmp_path / "loop")
    await until(lambda: is_gone(looped), 5)
    assert (await states())["loop"] == "dead_lettered"


@ONE_DATABASE
@pytest.mark.campaign
@pytest.mark.usefixtures("opened")
async def test_a_batch_is_halved_until_failing_items_are_alone() -> None:
    given = [*jobs(2), Job(key="loop", text="loop"), Job(key="die", text="die")]
    assert (await run(given, compute_batch)).outcomes == {"job completed": 2, "dead-lettered": 2}
    assert {letter.error for letter in await dead_letter_rows()} == {
        "TimeoutError",
        "compute_batch: its process was killed by SIGKILL",
    }


@ONE_DATABASE
@pytest.mark.slow
async def test_no_process_outlives_its_call(journal_settings: Settings, tmp_path: Path) -> None:
    def job(name: str) -> Job:
        return Job(key=name, text=f"loop:{tmp_path}/{name}")

    async with open_runtime(journal_settings) as opened:
        short = replace(JOBS, deadline=lambda _job: timedelta(seconds=30))
        going = asyncio.create_task(run([job("cancelled")], long_compute, scenario=short))
        worker = await begun(tmp_path / "cancelled")
        await stopped(going)
        await until(lambda: is_gone(worker), 5)

        soon = replace(JOBS, deadline=lambda _job: timedelta(seconds=2))
        found = await run([job("late")], long_compute, scenario=soon)
        assert found.stats.reasons == {"job failed": {"deadline exceeded": 1}}
        worker = await begun(tmp_path / "late")
        await until(lambda: is_gone(worker), 5)

        going = asyncio.create_task(run([job("orphan")], compute))
        worker = await begun(tmp_path / "orphan")
        os.kill(fork_server_of(opened).process.pid, signal.SIGKILL)
        await until(lambda: is_gone(worker), 5)
        await going
        # Not `compute`, whose limit of 1.5 s a busy machine exceeds while the fork server starts again.
        found = await run([Job(key="next")], long_compute)
        assert found.outcomes == {"job completed": 1}, found.stats.reasons

        fork_server = fork_server_of(opened)
        going = asyncio.create_task(run([job("last")], long_compute))
        worker = await begun(tmp_path / "last")
        await stopped(going)
    await until(lambda: is_gone(worker), 5)
    await until(lambda: is_gone(fork_server.process.pid), 5)
    assert not fork_server.address.parent.exists()


@pytest.mark.slow
async def test_a_killed_process_leaves_no_child_behind(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.agents.runtime.crashing_worker"]
    child = await asyncio.create_subprocess_exec(
        *program, str(tmp_path), str(tmp_path / "pid"), cwd=ROOT
    )
    worker = await begun(tmp_path / "pid")
    assert not is_gone(worker)
    child.kill()
    await child.wait()
    await until(lambda: is_gone(worker), 5)


def test_functions_that_another_process_cannot_call_are_refused() -> None:
    with pytest.raises(TypeError, match="must be a plain function"):

        @agent(CPU)
        async def wait(job: Job) -> None: ...

    with pytest.raises(TypeError, match="at the top of a module"):

        @agent(CPU)
        def local(job: Job) -> None: ...


def test_arguments_and_results_travel_as_json() -> None:
    given = [Job(key="a", n=1), Job(key="b", n=2)]
    batched: Agent[Any, Any] = AGENTS["compute_batch"]
    facts = batched.unpacked(batched.call_packed(batched.packed([given])))
    assert facts == [Made(by=str(os.getpid()), n=1), Made(by=str(os.getpid()), n=2)]
    for fact in (None, Made(by="x")):
        arguments = long_compute.packed([given[0], fact])
        assert long_compute._call_adapters[0].validate_json(arguments) == (given[0], fact)


def fork_server_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Take this program for the fork server."""
    program = tmp_path / "fork_server.py"
    program.write_text(f"import os, sys, time\n{body}\n")
    monkeypatch.setattr(process_pool, "PROGRAM", program)


@ONE_DATABASE
@pytest.mark.parametrize(
    "body, problem",
    [
        ("sys.exit('no module named numbers')", "ended with status 1 while it started"),
        ("os.kill(os.getpid(), 9)", "ended with signal 9 while it started"),
        ("sys.stderr.write('reading'); sys.stderr.flush(); time.sleep(60)", "made no progress"),
    ],
)
async def test_a_process_that_does_not_start_ends_the_run_and_the_next_one_tries_again(
    journal_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    problem: str,
) -> None:
    """It says nothing about the items, so none of them fails."""
    monkeypatch.setattr(child_start, "STALL_SECONDS", 0.5)
    with monkeypatch.context() as patch:
        fork_server_that(tmp_path, patch, body)
        async with open_runtime(journal_settings):
            with pytest.raises(DidNotStart, match=problem) as failed:
                await run(jobs(3), compute)
    words = str(failed.value)
    assert ("no module named numbers" in words) == ("numbers" in body)
    assert ("reading" in words) == ("reading" in body)
    fork_server_that(tmp_path, monkeypatch, "os.write(1, b'ready\\n'); sys.stdin.read()")
    async with open_runtime(journal_settings) as opened:
        assert set((await states()).values()) == {"pending"}
        async with opened.process_pool.slot(list):
            pass


@ONE_DATABASE
@pytest.mark.usefixtures("opened")
async def test_a_fork_server_that_answers_nothing_is_replaced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was killed, and whose last thread has not ended: it costs one attempt of two."""
    begun = tmp_path / "begun"
    closes = (
        "import pathlib, runpy, socket\n"
        f"begun, own = pathlib.Path({str(begun)!r}), {str(process_pool.PROGRAM)!r}\n"
        "if begun.exists(): runpy.run_path(own, run_name='__main__')\n"
        "begun.write_text(str(os.getpid()))\n"
        "listener = socket.socket(fileno=int(sys.argv[1]))\n"
        "os.write(1, b'ready\\n')\n"
        "while True: listener.accept()[0].close()"
    )
    fork_server_that(tmp_path, monkeypatch, closes)
    found = await run(jobs(1), long_compute)
    assert found.outcomes == {"job completed": 1}, found.stats.reasons
    assert is_gone(pid_in(begun))


async def test_calls_at_once_start_one_fork_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = tmp_path / "starts"
    counts = f"open({str(starts)!r}, 'a').write('.')\nos.write(1, b'ready\\n')\nsys.stdin.read()"
    fork_server_that(tmp_path, monkeypatch, counts)
    pool = ProcessPool(most=4)

    async def call() -> None:
        async with pool.slot(list):
            pass

    await call()
    first: _ForkServer = pool._fork_server.result()  # type: ignore[union-attr]  # it has started
    first.process.kill()
    first.process.wait()
    await asyncio.gather(*(call() for _ in range(4)))
    await pool.close()
    assert starts.read_text("ascii") == ".."
    assert not first.address.parent.exists()


async def test_a_start_is_waited_for_as_long_as_it_makes_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By processor time alone, for many times the pause that would end it."""
    monkeypatch.setattr(child_start, "STALL_SECONDS", 0.5)
    works = "until = time.monotonic() + 2\nwhile time.monotonic() < until: pass\nos.write(1, b'ready\\n')"
    fork_server_that(tmp_path, monkeypatch, works + "\nsys.stdin.read()")
    pool = ProcessPool()
    async with pool.slot(list):
        pass
    await pool.close()


async def test_a_pool_that_is_closed_waits_for_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork_server_that(tmp_path, monkeypatch, "time.sleep(60)")
    pool = ProcessPool()

    async def call() -> None:
        async with pool.slot(list):
            pytest.fail("it does not start")

    calling = asyncio.create_task(call())
    await until(lambda: pool._fork_server is not None, 5)
    async with asyncio.timeout(5):
        await pool.close()
    with pytest.raises(DidNotStart, match="was stopped"):
        await calling
