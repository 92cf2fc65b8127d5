"""Consumers beside the gateway, in a thread: what it accepts is processed without another command.

The thread has an event loop and a lease of its own. So a request does not wait behind an agent's work,
and what a consumer holds when it fails is handed back while the gateway goes on.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from prefect import flow

from agents.orders import sample
from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import AgentError, MissingExtra
from agents.runtime.intake.consumer import ConsumerOptions
from agents.runtime.recovery.versions import watching
from agents.runtime.redis.signals import Signals, signals
from agents.runtime.settings import settings
from agents.runtime.telemetry import get_logger
from agents.services import connect_services
from agents.services.sandbox.faults import DEMO
from flows.cli.local_server import use_local_server
from flows.operations.consumer import task_runs
from flows.operations.consumers import consumer_of, load_workflows
from flows.operations.recovery import recover
from flows.workflows import WORKFLOWS

log = get_logger(__name__)

RECOVERY_SECONDS = 60.0
RESTART_SECONDS = 5.0  # before consumers that failed begin again
FINISH_SECONDS, HAND_BACK_SECONDS = 5.0, 2.0  # the command itself ends within nine seconds
OPTIONS = ConsumerOptions(at_once=1)


class Consumers:
    """The thread of the consumers; `failure` is why it ended early, `missing` what it leaves waiting.

    `missing` has the extra that is not installed, by workflow.
    """

    def __init__(self, faults: str) -> None:
        self._faults = faults
        self.failure: BaseException | None = None
        self.missing: dict[str, str] = {}
        self.ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._opened: Runtime | None = None
        self._stopping, self._told = False, set[str]()
        self._thread = threading.Thread(target=self._run, name="consumers", daemon=True)

    def start(self) -> None:
        """Start the thread; it starts the local Prefect server first where the settings name none."""
        self._thread.start()

    async def stop(self) -> None:
        """Let the consumers finish what they hold, for some seconds; the rest is handed back."""
        self._stopping = True
        if (opened := self._opened) is not None:
            self._soon(opened.stop.ask)
        if not await asyncio.to_thread(self.ended.wait, FINISH_SECONDS):
            if (task := self._task) is not None:
                self._soon(task.cancel)
            if not await asyncio.to_thread(self.ended.wait, HAND_BACK_SECONDS):
                log.warning("the consumers did not end in time; other processes finish their work")

    def _soon(self, call: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the thread has ended
                self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        try:
            loading = threading.Thread(target=self._load, name="loading", daemon=True)
            loading.start()  # which takes as long as the start of the server
            use_local_server()
            loading.join()
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised again where the command waits
            self.failure = error
        finally:
            self.ended.set()

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        while not self._stopping:
            try:
                await self._consume()
            except Exception as error:
                log.exception("the consumers failed and begin again", seconds=RESTART_SECONDS)
                self._say(_cause(error))
                await asyncio.sleep(RESTART_SECONDS)

    def _say(self, reason: str) -> None:
        """Tell a person why nothing is processed, once for each reason."""
        if reason not in self._told and not self._stopping:
            self._told.add(reason)
            words = "what is accepted waits in the journal"
            print(f"consumers failed and try again: {reason}\n{words}", file=sys.stderr, flush=True)

    async def _consume(self) -> None:
        here = settings()
        async with (
            open_runtime(here) as opened,
            connect_services(here, self._faults, sample.STOCK),
            signals(here) as woken,
            asyncio.TaskGroup() as group,
        ):
            self._opened = opened
            if self._stopping:
                return
            self._say_what_is_missing()
            for name in WORKFLOWS.keys() - self.missing.keys():
                group.create_task(_stay(opened, partial(_run_consumer, name, woken, opened)))
            if not self.missing:  # what recovery takes up needs the packages of all workflows
                group.create_task(_recover_regularly(opened))

    def _say_what_is_missing(self) -> None:
        """Tell a person which workflows nobody processes here."""
        for extra in sorted(set(self.missing.values())):
            names = ", ".join(name for name, of in self.missing.items() if of == extra)
            words = f"not processed here: {names}: {MissingExtra(extra)}"
            if words not in self._told:
                self._told.add(words)
                print(words, file=sys.stderr, flush=True)

    def _load(self) -> None:
        """Load the agents of the workflows whose packages are installed."""
        self.missing = load_workflows()


def _cause(error: BaseException) -> str:
    """The first error of those that ended a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{error}" if isinstance(error, AgentError) else f"{type(error).__name__}: {error}"


async def _stay(opened: Runtime, run: Callable[[], Awaitable[object]]) -> None:
    while not opened.stop.asked:
        await run()


async def _run_consumer(scenario: str, woken: Signals, opened: Runtime) -> None:
    """One flow run of a consumer; after a number of batches the next begins, so that each is readable."""

    @flow(name="gateway-consumer", flow_run_name=f"gateway: {scenario}", persist_result=False)
    async def consume() -> None:
        async with task_runs(scenario) as process:
            consumer = consumer_of(scenario, woken, OPTIONS, process)
            async with watching(opened.journal, consumer.scenario):
                await consumer.consume()

    await consume()


async def _recover_regularly(opened: Runtime) -> None:
    """Send what was not sent, and end what waits beyond its time."""
    while True:
        await opened.stop.wait(RECOVERY_SECONDS)
        if opened.stop.asked:
            return
        await recover()


@asynccontextmanager
async def consuming(*, demo: bool = False) -> AsyncIterator[Consumers]:
    """Consumers of all workflows within the block; for a `demo` the sandbox misbehaves on purpose."""
    consumers = Consumers(DEMO if demo else "")
    consumers.start()
    try:
        yield consumers
    finally:
        await consumers.stop()
