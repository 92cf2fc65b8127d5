"""The monitor: one process of an installation at a time exports what the journal says as metrics.

Each process that serves metrics has one. A row of the journal says until when a process does it; when
that one is gone, the next takes over. So a queue is not counted once for each process, and reading it
costs one process a bounded share of its time: after a look of `n` seconds it pauses for 20 times as long.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from time import monotonic

from sqlalchemy import select, update

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import cursors
from agents.runtime.journal.statements import insert_new
from agents.runtime.metrics import DISK_FREE, JOURNAL_UP
from agents.runtime.monitor.delivery import show_delivery
from agents.runtime.monitor.queues import show_queues
from agents.runtime.monitor.resources import show_resources
from agents.runtime.monitor.systems import Systems
from agents.runtime.settings import Settings
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

TURN = "metrics"  # the row of the turn
LOOK_SECONDS = 5.0  # between two looks
MOST_SHARE = 20.0  # a look of one second is followed by a pause of this many
LONGEST_PAUSE = 120.0
GRACE = (
    15.0  # seconds by which a look may be late before values are dropped and another takes the turn
)
ANSWER_SECONDS = 60.0  # for one look


class Monitor:
    """Looks at the journal again and again, in its turn."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._systems = Systems(settings)
        self._mine = -inf  # until when the turn is this process's, as the journal has it
        self._pause = LOOK_SECONDS

    async def run(self) -> None:
        """Look until cancelled. What goes wrong is logged, and business does not depend on it."""
        try:
            while True:
                await self._look_safely()
                await asyncio.sleep(self._pause)
        finally:
            with suppress(Exception):
                await asyncio.shield(self._give_turn())
            await self._systems.close()

    async def look(self) -> bool:
        """Export what this process alone knows, and in its turn what the journal says.

        Returns whether it is its turn.
        """
        DISK_FREE.set(_free(self._settings))
        try:
            has_turn = await self._take_turn()
        except BaseException:  # also the time-out, which cancels
            JOURNAL_UP.set(0)
            raise
        JOURNAL_UP.set(1)  # it answers, although reading all of it may take too long
        begun = monotonic()
        if has_turn:
            until = begun + self._pause + GRACE
            await show_queues(self._database, until)
            await show_delivery(self._database, until)
            await show_resources(self._database, until)
            await self._systems.show(until)
        took = monotonic() - begun
        self._pause = min(max(LOOK_SECONDS, MOST_SHARE * took), LONGEST_PAUSE)
        return has_turn

    async def _look_safely(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.look()
        except Exception as error:  # noqa: BLE001 - business does not depend on it
            log.warning("the journal is not read for metrics now", reason=repr(error))

    async def _take_turn(self) -> bool:
        """Whether it is the turn of this process; others only read, until the turn of one has run out."""
        row = select(cursors.c.at, (cursors.c.at < now()).label("free"))
        async with self._database.read() as connection:
            found = (await connection.execute(row.where(cursors.c.name == TURN))).first()
        if found is not None and not found.free and found.at != self._mine:
            return False
        async with self._database.write() as connection:
            if found is None:
                await connection.execute(insert_new(connection, cursors, name=TURN, at=0.0))
            at = 0.0 if found is None else found.at
            mine = await connection.scalar(
                update(cursors)
                .where(cursors.c.name == TURN, cursors.c.at == at)
                .values(at=now() + self._pause + GRACE)
                .returning(cursors.c.at)
            )
        self._mine = -inf if mine is None else mine
        return mine is not None

    async def _give_turn(self) -> None:
        """Let another process take the turn at once."""
        mine = (cursors.c.name == TURN) & (cursors.c.at == self._mine)
        if self._mine > 0:
            async with self._database.write() as connection:
                await connection.execute(update(cursors).where(mine).values(at=0.0))


def _free(settings: Settings) -> float:
    """The free share of the data folder's disk."""
    usage = shutil.disk_usage(settings.data)
    return usage.free / usage.total


@asynccontextmanager
async def monitored(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Monitor the journal within the block, if this process serves metrics."""
    if settings.metrics_port is None:
        yield
        return
    task = asyncio.create_task(Monitor(settings, database).run(), name="monitor")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
