"""An installation on this machine, from its first start to its end."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from agents.runtime.journal import Journal
from agents.runtime.journal.api_keys import first_key
from agents.runtime.journal.database import Database
from agents.runtime.journal.installation import installation_id
from agents.runtime.redis.embedded import EmbeddedValkey
from agents.runtime.settings import settings
from deployments.components import Form
from deployments.gateway.access import Scope
from deployments.up.health import Health
from deployments.up.plan import Planned
from deployments.up.processes import MARKER, Child, end, identity_of, living, marked
from deployments.up.record import Entry, Record, Store
from deployments.up.screen import Screen
from deployments.up.supervisor import Member, Supervisor, words_of

ORPHAN_SECONDS = 9.5  # for a process of an earlier supervisor that is not wanted any more
REFRESH_SECONDS = 1.0
MANY_RESTARTS = 3  # after which the last words of a process are shown


class Installation:
    """What runs of a data folder, under this supervisor."""

    def __init__(
        self, store: Store, form: Form, ports: dict[str, int], planned: Sequence[Planned]
    ) -> None:
        own = identity_of(os.getpid())
        self.record = Record(form.value, own.pid, own.started, ports)
        self.store, self.planned = store, planned
        self._screen = Screen()
        self._supervisor: Supervisor | None = None

    async def run(self, before: Record | None, stopped: asyncio.Event) -> None:
        """Run all until asked to stop; `before` is what an earlier supervisor has left."""
        health = Health(settings().journal)
        self._supervisor = Supervisor(self.planned, self.store, health, self._changed)
        try:
            with self._screen as screen, _embedded_valkey(self.store.data):
                key = await make_first_key()
                for line in self._take_over(before):
                    screen.say(line)
                running = asyncio.create_task(self._supervisor.run(stopped))
                await self._say_when_up(running, key)
                await running
        finally:
            await health.close()
            await asyncio.to_thread(self._end_the_rest)

    def _take_over(self, before: Record | None) -> Iterator[str]:
        """Go on with the processes that are as planned, and end the others."""
        digests = {one.name: one.digest for one in self.planned}
        assert self._supervisor is not None
        for entry in before.entries if before else ():
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

    async def _say_when_up(self, running: asyncio.Task[None], key: str | None) -> None:
        assert self._supervisor is not None
        begun = time.monotonic()
        while not (running.done() or self._supervisor.is_up):
            self._screen.refresh(self._entries())
            await asyncio.sleep(REFRESH_SECONDS / 4)
        if not running.done():
            for line in self._addresses(time.monotonic() - begun, key):
                self._screen.say(line)
        while not running.done():
            self._screen.refresh(self._entries())
            await asyncio.wait([running], timeout=REFRESH_SECONDS)

    def _addresses(self, seconds: float, key: str | None) -> Iterator[str]:
        yield f"up after {seconds:.0f} s"
        for one in self.planned:
            if one.component.name == "prefect-server":
                yield f"Prefect: {one.address}"
            elif one.component.name == "gateway":
                yield f"gateway: {one.address}"
                yield f"console: {one.address}/console"
        yield f"key:     {key or 'made before'}{' (shown once)' if key else ''}"
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
        return [member.entry() for member in self._supervisor.members.values()]

    def _write(self) -> None:
        self.record.entries = self._entries()
        self.store.write(self.record)

    def _end_the_rest(self) -> None:
        """End what processes of the installation have left: the sandbox, and runs of killed workers."""
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


@contextmanager
def _embedded_valkey(data: Path) -> Iterator[None]:
    """Within the block the data folder's Valkey runs, if no Redis is named."""
    if settings().redis_url is not None:
        yield
        return
    valkey = EmbeddedValkey(data)
    valkey.ensure()
    try:
        yield
    finally:
        valkey.leave()


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
