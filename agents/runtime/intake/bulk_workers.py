"""Bulk workers: further processes that take chunks of a run's records and work beside the run.

The run reads and checks its source, and deals out chunks. A worker accepts a chunk into the journal, holds its
items under a lease of its own, takes them through all steps, and answers with what it counted. A chunk without
an answer goes back to the run: the journal knows what is done of it, and what the worker still held is taken
over when its lease has run out.
"""

import asyncio
import os
import signal
import socket
import struct
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import Process
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from agents.runtime.clock import clock
from agents.runtime.context import runtime
from agents.runtime.intake.chunks import Chunk, Chunks
from agents.runtime.intake.intake import Intake, Rejection, Submission
from agents.runtime.journal.workers import lives
from agents.runtime.model.batch import ProcessBatch, RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import ROOT
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

AHEAD_SECONDS = 1.0  # of work that a worker has beside the chunk in work, so that it does not wait for the next one
MOST_AHEAD = 8  # chunks
END_SECONDS = 30.0  # for a worker to finish what it holds
SIZE = struct.Struct("!I")

Record = Submission | Rejection


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """How a worker is started, and the file for what it writes.

    The `module` gets the `arguments`, then its number, from 2, then the descriptor of its socket.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path


@asynccontextmanager
async def bulk_workers(intake: Intake, command: WorkerCommand) -> AsyncIterator[None]:
    """Within the block as many processes as the settings say take the intake's records, at most one a core.

    They have ended when the block has.
    """
    most = min(runtime().settings.processes, os.cpu_count() or 1)
    workers = [_Worker(intake, command, number) for number in range(2, most + 1)]

    def share(chunks: Chunks[Record]) -> None:
        for worker in workers:
            worker.begin(chunks)

    intake.share = share
    try:
        yield
    finally:
        intake.share = None
        await asyncio.gather(*(worker.end() for worker in workers))


@dataclass(slots=True)
class _Worker:
    """One worker, as the run sees it."""

    intake: Intake
    command: WorkerCommand
    number: int
    _running: "asyncio.Task[None] | None" = None
    _closing: bool = False
    _held: deque[Chunk[Record]] = field(default_factory=deque)

    def begin(self, chunks: Chunks[Record]) -> None:
        """Start it, and give it chunks until there are no more."""
        self._running = asyncio.create_task(self._run(chunks))

    async def end(self) -> None:
        """Wait until it has ended; if it has chunks or is not needed, it is asked to stop."""
        if self._running is None:
            return
        if not self._closing:
            self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def _run(self, chunks: Chunks[Record]) -> None:
        ours, theirs = socket.socketpair()
        try:
            process = await self._start(theirs)
        except OSError as error:  # no memory or no more files: this process goes on alone
            ours.close()
            log.warning("no bulk worker was started", reason=str(error))
            return
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        stopping = asyncio.create_task(_stop_with_run(process))
        lease = ""
        try:
            lease = await _receive(reader)
            await self._deal(chunks, lease, reader, writer)
        except (OSError, EOFError) as error:
            reason = str(error)
            log.warning("a bulk worker is lost: the run goes on", worker=process.pid, reason=reason)
            with suppress(ProcessLookupError):  # it has ended meanwhile
                process.kill()
        finally:
            self._closing = True
            stopping.cancel()
            writer.close()
            if self._held or not lease:
                _ask_to_stop(process)
            chunks.give_back(self._held)
            await _wait_for(process)

    async def _start(self, theirs: socket.socket) -> Process:
        descriptor = theirs.fileno()
        with self.command.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.command.module, *self.command.arguments),
                *(str(self.number), str(descriptor)),
                cwd=ROOT,
                env=self.command.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[descriptor],
                start_new_session=True,  # Ctrl-C is for the run, which asks its workers to stop
            )

    async def _deal(
        self, chunks: Chunks[Record], lease: str, reader: StreamReader, writer: StreamWriter
    ) -> None:
        ahead, answered_at = 1, clock().monotonic()
        while True:
            while len(self._held) <= ahead and (chunk := await chunks.deal(wait=not self._held)):
                self._held.append(chunk)
                good = [one for one in chunk.records if isinstance(one, Submission)]
                await _send(writer, [(one.key, one.body, one.line) for one in good])
            if not self._held:
                return
            answer = await _answer(reader, lease)
            chunk = self._held.popleft()
            for record in chunk.records:
                if isinstance(record, Rejection):
                    self.intake.refuse(record)
            _count(self.intake, answer)
            chunks.answered(chunk)
            seconds, answered_at = clock().monotonic() - answered_at, clock().monotonic()
            ahead = min(MOST_AHEAD, 1 + int(AHEAD_SECONDS / max(seconds, 0.001)))


async def work_for_run(
    connection: socket.socket, scenario: Scenario, process: ProcessBatch
) -> None:
    """In a worker: take the chunks that come over the connection through all steps, until it is closed.

    Raises Stopped when this process is asked to stop.
    """
    reader, writer = await asyncio.open_connection(sock=connection)
    await _send(writer, runtime().lease.id)
    while (records := await _next_chunk(reader)) is not None:
        rejected: list[Rejection] = []
        intake = Intake(scenario, RunStats(), rejected.append)
        version = scenario.version
        chunk = [Submission(key, body, scenario.read(body, version), n) for key, body, n in records]
        async for batch in intake.of_chunk(chunk, max(1, len(chunk))):
            await process(batch)
        stats = intake.stats
        counts = (stats.outcomes, stats.reasons, stats.metrics, stats.steps)
        refused = [(one.line, one.rule, one.message, one.raw.decode()) for one in rejected]
        await _send(writer, (counts, refused, list(intake.late), list(intake.unsent.elements())))


async def _next_chunk(reader: StreamReader) -> list[tuple[str, str, int]] | None:
    """The next chunk; None when the run has closed the connection or was killed."""
    try:
        chunk: list[tuple[str, str, int]] = await _receive(reader)
    except (OSError, EOFError):
        return None
    return chunk


def _count(intake: Intake, answer: Any) -> None:
    """Add a worker's answer to what the run has counted, and to what it waits for at its end."""
    (outcomes, reasons, metrics, steps), refused, late, unsent = answer
    intake.stats.add(
        RunStats(
            outcomes=Counter(outcomes),
            reasons={outcome: Counter(some) for outcome, some in reasons.items()},
            metrics=Counter(metrics),
            steps={agent: Counter(some) for agent, some in steps.items()},
        )
    )
    for line, rule, message, raw in refused:
        intake.reject(Rejection(line, rule, message, raw.encode()))
    intake.late.update(late)
    intake.unsent.update(unsent)
    intake.stats.show()


async def _send(writer: StreamWriter, message: object) -> None:
    text = orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS)  # words are enums
    writer.write(SIZE.pack(len(text)) + text)
    await writer.drain()


async def _receive(reader: StreamReader) -> Any:
    """The next message. Raises EOFError or OSError when the other side has closed the connection."""
    (size,) = SIZE.unpack(await reader.readexactly(SIZE.size))
    return orjson.loads(await reader.readexactly(size))


async def _answer(reader: StreamReader, lease: str) -> Any:
    """The next answer of the worker with this lease. Raises EOFError or OSError when it has ended, or stands still."""
    here, answer = runtime(), asyncio.create_task(_receive(reader))
    try:
        while not (await asyncio.wait({answer}, timeout=here.lease.seconds))[0]:
            if not await lives(here.journal.database, lease):
                raise BrokenPipeError("its lease has run out")
        return answer.result()
    finally:
        answer.cancel()


async def _stop_with_run(process: Process) -> None:
    await runtime().stop.until_asked()
    _ask_to_stop(process)


def _ask_to_stop(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)


async def _wait_for(process: Process) -> None:
    """Wait until the worker has ended; one that does not is killed, and its lease runs out."""
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        log.warning("a bulk worker did not end and is killed", worker=process.pid)
    finally:
        if process.returncode is None:
            process.kill()
