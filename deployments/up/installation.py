"""An installation on this machine, from its first start to its end."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.runtime.journal import Journal
from agents.runtime.journal.api_keys import first_key
from agents.runtime.journal.database import Database
from agents.runtime.journal.installation import installation_id
from agents.runtime.settings import settings
from deployments.components import Form
from deployments.gateway.access import Scope
from deployments.up.health import Health
from deployments.up.plan import Planned
from deployments.up.processes import MARKER, Child, end, identity_of, living, marked
from deployments.up.record import Entry, Record, Store
from deployments.up.screen import Screen
from deployments.up.stores import Stores
from deployments.up.supervisor import Member, Supervisor, words_of

ORPHAN_SECONDS = 9.5  # for a process of an earlier supervisor that is not wanted any more
REFRESH_SECONDS = 1.0
MANY_RESTARTS = 3  # after which the last words of a process are shown


@dataclass(frozen=True, slots=True)
class Site:
    """A form of an installation on this machine: its processes, their ports, and the lines that name the addresses."""

    form: Form
    ports: dict[str, int]
    planned: Sequence[Planned]
    addresses: Sequence[str]


class Installation:
    """What runs of a data folder, under this supervisor."""

    def __init__(self, store: Store, site: Site, stores: Stores) -> None:
        own = identity_of(os.getpid())
        self.record = Record(site.form.value, own.pid, own.started, site.ports)
        self.store, self.site, self.planned, self._stores = store, site, site.planned, stores
        self._screen = Screen()
        self._supervisor: Supervisor | None = None

    async def run(self, before: Record | None, stopped: asyncio.Event) -> None:
        """Run all until asked to stop; `before` is what an earlier supervisor has left."""
        health = Health(settings().journal)
        self._supervisor = Supervisor(self.planned, self.store, health, self._changed)
        keeping = asyncio.create_task(self._stores.keep())
        try:
            with self._screen as screen:
                # At once: it is shown this once, and the start may be interrupted.
                key = await make_first_key()
                screen.say(f"key:     {f'{key} (shown once)' if key else 'made before'}")
                for line in self._take_over(before):
                    screen.say(line)
                running = asyncio.create_task(self._supervisor.run(stopped))
                await self._say_when_up(running)
                await running
        finally:
            keeping.cancel()
            await health.close()
            await asyncio.to_thread(self._end_the_rest)

    def _take_over(self, before: Record | None) -> Iterator[str]:
        """Go on with the processes that are as planned, and end the others."""
        digests = {one.name: one.digest for one in self.planned}
        assert self._supervisor is not None
        stores = {one.name for one in self._stores.entries()}
        for entry in before.entries if before else ():
            if entry.name in stores:
                continue
            process = living(entry.identity) if entry.identity else None
            if process is None:
                continue
            if digests.get(entry.name) == entry.plan:
                self._supervisor.adopt(entry.name, Child(process), entry.restarts)
                yield f"{entry.name} runs already (pid {entry.pid})"
            else:
                end([process], ORPHAN_SECONDS)
                yield f"ended {entry.name} of an earlier start (pid {entry.pid})"
        self._write()

    async def _say_when_up(self, running: asyncio.Task[None]) -> None:
        assert self._supervisor is not None
        begun = time.monotonic()
        while not (running.done() or self._supervisor.is_up):
            self._screen.refresh(self._entries())
            await asyncio.sleep(REFRESH_SECONDS / 4)
        if not running.done():
            for line in self._addresses(time.monotonic() - begun):
                self._screen.say(line)
        while not running.done():
            self._screen.refresh(self._entries())
            await asyncio.wait([running], timeout=REFRESH_SECONDS)

    def _addresses(self, seconds: float) -> Iterator[str]:
        yield f"up after {seconds:.0f} s"
        yield from self.site.addresses
        yield f"logs:    {self.store.logs}"
        yield "stop:    Ctrl-C, or --down in another terminal"

    def _changed(self, member: Member) -> None:
        self._write()
        self._screen.show(member.entry(), self._entries())
        if member.restarts and member.restarts % MANY_RESTARTS == 0 and member.child is None:
            said = words_of(self.store, member)
            self._screen.say(f"{member.planned.name} said last:\n{said}")

    def _entries(self) -> list[Entry]:
        assert self._supervisor is not None
        members = self._supervisor.members.values()
        return [*self._stores.entries(), *(member.entry() for member in members)]

    def _write(self) -> None:
        self.record.entries = self._entries()
        self.store.write(self.record)

    def _end_the_rest(self) -> None:
        """End what processes of the installation have left: the sandbox, and runs of killed workers."""
        self._stores.stop()
        end(marked(self.store.data), 1.0)
        self.store.remove()


async def make_first_key() -> str | None:
    """Migrate the journal and make the first key of the gateway; None if there was one.

    The gateway would print it into its log, where it would stay.
    """
    here = settings()
    database = Database(here.journal)
    try:
        await database.migrate()
        journal = Journal(database, here.tenant, await installation_id(database))
        return await first_key(journal, [*Scope])
    finally:
        await database.close()


def ports_in_use(before: Record | None) -> dict[str, int]:
    """The ports of processes that an earlier supervisor has left running."""
    found: Mapping[str, int] = before.ports if before else {}
    alive = (
        {one.name for one in before.entries if one.identity and living(one.identity)}
        if before
        else set()
    )
    return {name: port for name, port in found.items() if name in alive}


def mark(data: Path) -> None:
    """Mark the children of this process as parts of the installation of this folder."""
    os.environ[MARKER] = str(data)
