"""Starts processes in order, watches them, starts again what dies, and stops all in order."""

import asyncio
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from agents.runtime.child_start import last_words
from deployments.components import Lease
from deployments.up.health import Health
from deployments.up.log_files import rotate
from deployments.up.plan import Planned
from deployments.up.processes import Child, start
from deployments.up.record import Entry, Store

LOOK_SECONDS, CALM_SECONDS = 0.25, 2.0  # between two looks: while a process starts, and afterwards
ROTATE_SECONDS = 10.0
HANG_SECONDS = 120.0  # without an answer, after which a process that was healthy is killed
FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0
STEADY_SECONDS = 60.0  # of life, after which a death counts as the first again
STOP_SECONDS = (
    8.0,
    9.0,
    9.6,
)  # from the beginning of the stop: for those that nobody needs, and so on


class State(StrEnum):
    """How a process is."""

    WAITING = "waiting"  # for others
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"  # it runs and does not answer as it should
    RESTARTING = "restarting"  # it has ended, and is started again after a delay
    DONE = "done"  # a job that ended well
    STOPPED = "stopped"


@dataclass(slots=True)
class Member:
    """A planned process, and how it is. `delay` is what the next death costs."""

    planned: Planned
    state: State = State.WAITING
    child: Child | None = None
    since: float = field(default_factory=time.time)
    restarts: int = 0
    delay: float = FIRST_DELAY
    note: str = ""

    @property
    def is_good(self) -> bool:
        """Whether what needs it may start."""
        return self.state in {State.HEALTHY, State.DONE}

    def entry(self) -> Entry:
        """What the record keeps of it."""
        one = self.child.identity if self.child is not None else None
        return Entry(
            self.planned.name,
            self.state.value,
            one.pid if one else 0,
            one.started if one else 0.0,
            self.planned.digest,
            self.planned.address,
            self.restarts,
            self.since,
            self.note,
        )


class Supervisor:
    """Runs what is planned. `changed` is called with each member whose state has changed."""

    def __init__(
        self,
        planned: Sequence[Planned],
        store: Store,
        health: Health,
        changed: Callable[[Member], None],
    ) -> None:
        self.members = {one.name: Member(one) for one in planned}
        self._store, self._health, self._changed = store, health, changed
        self._moved = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether all are healthy, and all jobs done."""
        return all(member.is_good for member in self.members.values())

    def adopt(self, name: str, child: Child, restarts: int) -> None:
        """Go on with a process that an earlier supervisor has started."""
        member = self.members[name]
        member.child, member.restarts = child, restarts

    async def run(self, stopped: asyncio.Event) -> None:
        """Keep all running until asked to stop, then stop them in order, within ten seconds."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep(member)) for member in self.members.values()]
            tasks.append(group.create_task(self._rotate()))
            await stopped.wait()
            for task in tasks:
                task.cancel()
        await self._stop()

    async def _keep(self, member: Member) -> None:
        while not all(self.members[name].is_good for name in member.planned.after):
            await self._moved.wait()
        while True:
            if member.child is None:
                self._start(member)
            begun = time.monotonic()
            status = await self._watch(member)
            if member.planned.is_job and status == 0:
                self._set(member, State.DONE)
                return
            await self._delay(member, status, time.monotonic() - begun)

    def _start(self, member: Member) -> None:
        planned = member.planned
        # A file of the process's own words: `last_words` shows them if it ends at once.
        member.child = start(
            planned.argv, os.environ | planned.environment, self._store.log(planned.name)
        )
        self._set(member, State.STARTING)

    async def _watch(self, member: Member) -> int:
        """Follow a process to its end; its exit status."""
        child, answered = member.child, math.inf
        assert child is not None
        while (status := child.status()) is None:
            problem = await self._problem(member, child)
            if child.status() is None:
                answered = time.monotonic() if not problem else answered
                self._judge(member, problem)
            if time.monotonic() - answered > HANG_SECONDS:
                child.kill()
            await asyncio.sleep(CALM_SECONDS if member.state is State.HEALTHY else LOOK_SECONDS)
        return status

    async def _problem(self, member: Member, child: Child) -> str:
        if member.planned.is_job:
            return "works"
        ready = member.state is not State.HEALTHY
        if url := member.planned.url(ready=ready):
            return await self._health.answers(url)
        if isinstance(member.planned.component.health, Lease):
            return await self._health.holds_lease(child.identity.pid)
        return ""

    def _judge(self, member: Member, problem: str) -> None:
        if not problem:
            self._set(member, State.HEALTHY)
        elif member.state in {State.HEALTHY, State.UNHEALTHY}:
            self._set(member, State.UNHEALTHY, problem)
        elif member.state is not State.STARTING:
            self._set(member, State.STARTING)  # it was found running

    async def _delay(self, member: Member, status: int, lived: float) -> None:
        """Wait before the next start: longer after each early death, and never for ever."""
        if lived > STEADY_SECONDS:
            member.delay = FIRST_DELAY
        ended = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
        member.child, member.restarts = None, member.restarts + 1
        self._set(member, State.RESTARTING, f"{ended}; again in {member.delay:g} s")
        await asyncio.sleep(member.delay)
        member.delay = min(member.delay * 2, LONGEST_DELAY)

    def _set(self, member: Member, state: State, note: str = "") -> None:
        if (member.state, member.note) != (state, note):
            if member.state is not state:
                member.since = time.time()
            member.state, member.note = state, note
            self._changed(member)
            self._moved.set()  # wakes all that wait now
            self._moved.clear()

    async def _rotate(self) -> None:
        while True:
            for member in self.members.values():
                rotate(self._store.log(member.planned.name))
            await asyncio.sleep(ROTATE_SECONDS)

    async def _stop(self) -> None:
        """Those that nobody needs end first, then what they needed."""
        begun = time.monotonic()
        for seconds in STOP_SECONDS:
            wave = self._not_needed() if seconds != STOP_SECONDS[-1] else self._running()
            for member in wave:
                assert member.child is not None
                member.child.terminate(with_runs=member.planned.component.starts_runs)
            while any(member.child and member.child.status() is None for member in wave):
                if time.monotonic() - begun > seconds:
                    break
                await asyncio.sleep(LOOK_SECONDS / 5)
            for member in wave:
                assert member.child is not None
                member.child.kill()  # or what it has left in its group
                self._set(member, State.STOPPED)

    def _running(self) -> list[Member]:
        return [one for one in self.members.values() if one.child and one.child.status() is None]

    def _not_needed(self) -> list[Member]:
        """Those that run, and that no other running one has waited for, itself or through others."""
        running = self._running()
        needed = {name for one in running for name in self._needs(one.planned)}
        return [one for one in running if one.planned.name not in needed]

    def _needs(self, planned: Planned) -> set[str]:
        own = {name for name in planned.after if self._of(name) != self._of(planned.name)}
        return own.union(*(self._needs(self.members[name].planned) for name in own))

    def _of(self, name: str) -> str:
        return self.members[name].planned.component.name


def words_of(store: Store, member: Member) -> str:
    """The last words of a process, without secrets."""
    return last_words(Path(store.log(member.planned.name)))
