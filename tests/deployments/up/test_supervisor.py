"""Real, tiny processes: started in order, started again, found again, and stopped in order."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deployments.components import Component, Form, Kind
from deployments.up import supervisor as module
from deployments.up.health import Health
from deployments.up.plan import Planned, plan
from deployments.up.processes import (
    MARKER,
    Child,
    Identity,
    end,
    identity_of,
    living,
    marked,
    start,
)
from deployments.up.record import AlreadyUp, Record, Store
from deployments.up.supervisor import Member, State, Supervisor

PATIENCE = 60.0
STAYS = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def component(name: str, code: str = STAYS, *after: str, kind: Kind = Kind.PROCESS) -> Component:
    return Component(name, kind, "a test", ("python", "-c", code), after=after)


def planned(*components: Component) -> list[Planned]:
    return plan(Form.LAPTOP, {}, lambda _component, _number: {}, [*components])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "data")
    made.prepare()
    return made


class Watched:
    """A supervisor that runs, and what has changed."""

    def __init__(self, store: Store, plans: list[Planned]) -> None:
        self.changes: list[tuple[str, State]] = []
        self.health = Health("")
        self.supervisor = Supervisor(plans, store, self.health, self._changed)
        self.stopped = asyncio.Event()

    def _changed(self, member: Member) -> None:
        self.changes.append((member.planned.name, member.state))

    def pid(self, name: str) -> int:
        child = self.supervisor.members[name].child
        assert child is not None
        return child.identity.pid

    def states(self) -> set[State]:
        return {member.state for member in self.supervisor.members.values()}


@asynccontextmanager
async def running(store: Store, *components: Component) -> AsyncIterator[Watched]:
    watched = Watched(store, planned(*components))
    task = asyncio.create_task(watched.supervisor.run(watched.stopped))
    try:
        yield watched
    finally:
        watched.stopped.set()
        await task
        await watched.health.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


async def test_each_starts_after_what_it_needs_and_ends_before_it(store: Store) -> None:
    job = component("job", "print('done')", "server", kind=Kind.JOB)
    async with running(store, component("server"), job, component("client", STAYS, "job")) as up:
        await until(lambda: up.supervisor.is_up)
        assert [name for name, state in up.changes if state is State.STARTING] == [
            *("server", "job", "client")
        ]
        assert ("job", State.DONE) in up.changes
    ended = [name for name, state in up.changes if state is State.STOPPED]
    assert ended == ["client", "server"]
    assert store.log("job").read_text() == "done\n"


async def test_what_is_killed_is_started_again_with_growing_delays(store: Store) -> None:
    async with running(store, component("one"), component("bad", "import sys; sys.exit(3)")) as up:
        await until(lambda: up.supervisor.members["one"].state is State.HEALTHY)
        before = up.pid("one")
        os.kill(before, signal.SIGKILL)
        await until(lambda: up.supervisor.members["one"].restarts == 1)
        await until(lambda: up.supervisor.members["one"].state is State.HEALTHY)
        assert up.pid("one") != before
        bad = up.supervisor.members["bad"]
        await until(lambda: bad.delay == 2 * module.FIRST_DELAY)
        await until(lambda: bad.note == "ended with status 3; again in 1 s")


async def test_a_delay_is_bounded_and_begins_again_after_a_steady_life(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_DELAY", module.FIRST_DELAY)
    watched = Watched(store, planned(component("one")))
    member = watched.supervisor.members["one"]
    await watched.supervisor._delay(member, -9, 0.0)
    assert member.delay == module.LONGEST_DELAY
    member.delay = 1_000.0
    await watched.supervisor._delay(member, -9, module.STEADY_SECONDS + 1)
    assert member.note == "ended by signal 9; again in 0.5 s"
    await watched.health.close()


async def test_one_that_does_not_end_is_killed_in_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", (0.5, 0.8, 1.0))
    async with running(store, component("deaf", DEAF), component("quick")) as up:
        await until(lambda: store.log("deaf").exists() and "deaf" in store.log("deaf").read_text())
        pid, begun = up.pid("deaf"), time.monotonic()
    assert time.monotonic() - begun < 5
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_later_supervisor_goes_on_with_a_process_that_it_finds(store: Store) -> None:
    [one] = planned(component("one"))
    left = start(one.argv, os.environ, store.log("one"))
    watched = Watched(store, [one])
    watched.supervisor.adopt("one", Child(psutil.Process(left.identity.pid)), restarts=2)
    task = asyncio.create_task(watched.supervisor.run(watched.stopped))
    await until(lambda: watched.supervisor.is_up)
    assert watched.pid("one") == left.identity.pid
    watched.stopped.set()
    await task
    left.kill()
    await watched.health.close()


def test_a_pid_that_is_used_again_is_another_process() -> None:
    own = identity_of(os.getpid())
    assert living(own) is not None
    assert living(replace(own, started=own.started - 10)) is None
    assert living(Identity(2**22 + 1, own.started)) is None


def test_a_second_supervisor_is_refused_while_the_first_one_lives(store: Store) -> None:
    own = identity_of(os.getpid())
    with store.locked():
        store.write(Record("laptop", own.pid, own.started))
        other = Store(store.data)
        with pytest.raises(AlreadyUp, match=f"by process {own.pid}: see it with --status"):
            other.locked().__enter__()
    with store.locked():
        pass


def test_processes_of_an_installation_are_found_by_their_mark(store: Store) -> None:
    environment = os.environ | {MARKER: str(store.data)}
    child = start([sys.executable, "-c", STAYS], environment, store.log("one"))
    assert [one.pid for one in marked(store.data)] == [child.identity.pid]
    assert marked(store.data.parent) == []
    end(marked(store.data), 5.0)
    child.kill()
    assert marked(store.data) == []
