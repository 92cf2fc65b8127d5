"""Campaigns: run many cells at once, each until nothing is unfinished, and check each result."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from tests.clocks import shared_clock
from tests.faults.cells import MAY_CRASH, Cell, moments
from tests.faults.checker import Expectation
from tests.faults.environment import Environment, Journals, Kind, open_environment, open_journals
from tests.faults.fork_client import ForkClient, Hung, open_fork_server
from tests.faults.fork_server import BLOCKED, CRASHED, STARVED
from tests.faults.mutation import next_release
from tests.faults.postgres_proxy import open_postgres_proxy
from tests.faults.protocol import CLOCK, ExitStatus, Run
from tests.faults.workload import SPENT, OrderWorkload, Workload, new_orders

MAX_RECOVERIES = 6
HOUR = 3_600.0
CELLS_PER_SANDBOX = 100
PARALLEL_SLOWDOWN = 3  # a run among other runs takes about three times as long
DUPLICATE_LEASE = (
    10.0  # seconds; no run is killed there, and a busy machine must not look like a kill
)
NewWorkload = Callable[[Path, Path, str, float], Workload]
Choose = Callable[[dict[str, int]], Sequence[Cell]]
KILL_AFTER_TERM = 1.0  # seconds from SIGTERM to SIGKILL
SIGNALS = {"interrupt": "SIGINT", "term": "SIGTERM"}


@dataclass(slots=True)
class CellResult:
    """The result of one cell.

    `faulted` holds the ids of processes that were killed or stopped, `last_fault_at` the time of the
    last fault on the monotonic clock, `recovery_seconds` the time from then until all work was finished.
    """

    cell: Cell
    seed: int
    runs: list[ExitStatus] = field(default_factory=list)
    faulted: set[int] = field(default_factory=set)
    stopped: int = 0
    last_fault_at: float | None = None
    recovery_seconds: float | None = None
    violations: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many runs were killed."""
        return sum(exited.killed for exited in self.runs)

    @property
    def starved(self) -> int:
        """How many runs lost their lease because they got no processor time, and stopped as they must."""
        return sum(exited.code == STARVED for exited in self.runs)

    def as_json(self) -> dict[str, Any]:
        """Return the line of the history file."""
        return {
            "at": time.time(),
            "cell": str(self.cell),
            "seed": self.seed,
            "runs": [str(exited) for exited in self.runs],
            "kills": self.kills,
            "stops": self.stopped,
            "recovery": self.recovery_seconds and round(self.recovery_seconds, 3),
            "verdict": self.violations or "ok",
        }


@dataclass(frozen=True, slots=True)
class Baseline:
    """What random moments depend on: the seed, the seconds of a run without faults, and of a lease."""

    seed: int
    seconds: float
    lease: float = 1.0


class CellRunner:
    """Runs cells with one fork server in one environment, each on a new workload."""

    def __init__(
        self,
        fork_server: ForkClient,
        environment: Environment,
        baseline: Baseline,
        new_workload: NewWorkload = new_orders,
    ) -> None:
        self._fork_server, self._environment = fork_server, environment
        self._baseline, self._new_workload = baseline, new_workload
        self._seed, self._undisturbed = baseline.seed, baseline.seconds
        self.next_release: CellRunner | None = None  # runs the next release of the code

    async def run_cell(self, cell: Cell, keep: Path | None = None) -> CellResult:
        """Run one cell and check it. Copy the folder of a failed cell to `keep`."""
        result = CellResult(cell, self._seed)
        async with self._environment.cell_folder() as (folder, url):
            workload = self._new_workload(folder, self._environment.data, url, self._baseline.lease)
            if cell.spent:
                assert isinstance(workload, OrderWorkload), "only orders have payments"
                workload = replace(workload, faults=workload.faults + SPENT)
            if cell.queue:
                assert isinstance(workload, OrderWorkload), "only orders have a queue"
                workload = replace(workload, job="consume")
            try:
                first, second = self._runners(cell)
                await first._inject(workload, result)
                await second._recover(workload, result)
                lasting = cell.kind == "files"
                permitted = Expectation(workload.expected, result.faulted, cell.cancel, lasting)
                result.violations += await workload.check(permitted)
            except Hung as error:
                result.violations.append(f"liveness: {error}")
            wrong = {CRASHED} if cell.kind == "zombie" else {CRASHED, BLOCKED}
            may_crash = int(cell.kind in MAY_CRASH)
            if cell.kind == "zombie" and not url.startswith("sqlite"):
                # The server ends the transactions of who stands still, one lock after the other; so a run
                # beside it may wait for too long, and gives its items back.
                may_crash = 2
            if any(exited.code in wrong for exited in result.runs[may_crash:]):
                result.violations.append("a run ended with an error, see run.log")
            if result.violations and keep:
                shutil.copytree(folder, keep / workload.name, dirs_exist_ok=True)
        return result

    def _runners(self, cell: Cell) -> tuple["CellRunner", "CellRunner"]:
        """Return the runner of the release that begins, and of the one that finishes."""
        if not cell.release:
            return self, self
        assert self.next_release is not None, "the next release is not open"
        pair = self, self.next_release
        return pair if cell.release == "upgrade" else pair[::-1]

    async def _inject(self, workload: Workload, result: CellResult) -> None:
        """Run the workload with the faults of the cell."""
        faults = {
            "kill": self._kill,
            "random": self._random,
            "zombie": self._zombie,
            "duplicate": self._duplicate,
            "parallel": self._parallel,
            "commit": self._break_commit,
            "restart": self._restart,
            "clock": self._set_clock,
            "full": self._limit_resources,
            "files": self._limit_resources,
            "interrupt": self._signal,
            "term": self._signal,
            "term+kill": self._signal_and_kill,
        }
        if result.cell.kind != "none":
            await faults[result.cell.kind](workload, result)

    async def _kill(self, workload: Workload, result: CellResult) -> None:
        for name, hit in result.cell.points:
            await self._finish(replace(workload.run, points={name: (hit, "SIGKILL")}), result)
            if result.cell.cancel:
                await self._finish(replace(workload.run, job="cancel"), result)

    async def _random(self, workload: Workload, result: CellResult) -> None:
        number, lease = result.cell.number, self._baseline.lease
        for seconds in moments(self._seed, number, self._undisturbed, lease):
            await self._finish(replace(workload.run, seconds=seconds), result)

    async def _signal(self, workload: Workload, result: CellResult) -> None:
        ((name, hit),) = result.cell.points
        await self._finish(
            replace(workload.run, points={name: (hit, SIGNALS[result.cell.kind])}), result
        )

    async def _signal_and_kill(self, workload: Workload, result: CellResult) -> None:
        ((name, hit),) = result.cell.points
        child = self._fork_server.start(replace(workload.run, points={name: (hit, "SIGTERM")}))
        with suppress(TimeoutError):
            async with asyncio.timeout(KILL_AFTER_TERM + self._undisturbed):
                await asyncio.shield(child.exited())
        await child.signal("SIGKILL")
        self._note(await child.exited(), result)

    async def _limit_resources(self, workload: Workload, result: CellResult) -> None:
        limit, full = result.cell.number, result.cell.kind == "full"
        run = replace(workload.run, full=limit * full, files=limit * (not full))
        await self._finish(run, result)

    async def _break_commit(self, workload: Workload, result: CellResult) -> None:
        run = workload.run
        async with open_postgres_proxy(run.journal, Path(run.folder)) as proxy:
            proxy.break_at = result.cell.number
            await self._finish(replace(run, journal=proxy.url), result)

    async def _zombie(self, workload: Workload, result: CellResult) -> None:
        """Stop the first run; the second takes its items over as soon as the lease has expired."""
        names = [{name: (hit, "SIGSTOP")} for name, hit in result.cell.points]
        first = self._fork_server.start(replace(workload.run, points=names[0]))
        children = [first]
        try:
            if await first.stopped():
                self._mark_stopped(result, await first.pid())
            if result.cell.cancel:
                await self._finish(replace(workload.run, job="cancel"), result)
            second = self._fork_server.start(
                replace(workload.run, points=names[1] if names[1:] else {})
            )
            children.append(second)
            if names[1:] and await second.stopped():
                self._mark_stopped(result, await second.pid())
            elif not names[1:]:
                await second.exited()
            for child in children:
                await child.signal("SIGCONT")
                result.runs.append(await child.exited())
        finally:
            for child in children:
                await child.signal("SIGKILL")

    async def _restart(self, workload: Workload, result: CellResult) -> None:
        moment, *_ = moments(self._seed, result.cell.number, self._undisturbed)
        child = self._fork_server.start(workload.run)
        await child.pid()
        await asyncio.sleep(moment)
        await self._environment.restart_journals()
        self._note(await child.exited(), result)

    async def _set_clock(self, workload: Workload, result: CellResult) -> None:
        """Set the clock while two runs are at work, and kill one; others finish by the new time."""
        moment, *_ = moments(self._seed, result.cell.number, self._undisturbed)
        run = workload.run
        async with shared_clock(run.journal, Path(run.folder, CLOCK)) as set_clock:
            children = [self._fork_server.start(run) for _ in range(2)]
            await children[0].pid()
            await asyncio.sleep(moment)
            await set_clock(HOUR if result.cell.number % 2 else -HOUR)
            await children[0].signal("SIGKILL")
            for child in children:
                self._note(await child.exited(), result)
            # On a busy machine a living run may lose its lease, and that is permitted.
            result.faulted |= {exited.pid for exited in result.runs}
            await self._recover(workload, result)

    def _mark_stopped(self, result: CellResult, pid: int) -> None:
        result.faulted.add(pid)
        result.stopped += 1
        result.last_fault_at = time.monotonic()

    async def _duplicate(self, workload: Workload, result: CellResult) -> None:
        both = [
            self._fork_server.start(replace(workload.run, lease=DUPLICATE_LEASE)) for _ in range(2)
        ]
        result.runs += [await child.exited() for child in both]

    async def _parallel(self, workload: Workload, result: CellResult) -> None:
        """Start several runs at once and kill all but one of them."""
        kills = moments(self._seed, result.cell.number, self._undisturbed * PARALLEL_SLOWDOWN)
        killed = [replace(workload.run, seconds=seconds) for seconds in kills]
        children = [self._fork_server.start(run) for run in [*killed, workload.run]]
        result.runs += [await child.exited() for child in children]
        # On a busy machine a living run may lose its lease of one second, and that is permitted.
        result.faulted |= {exited.pid for exited in result.runs}
        result.last_fault_at = max((e.at for e in result.runs if e.killed), default=None)

    async def _recover(self, workload: Workload, result: CellResult) -> None:
        """Run without faults until nothing is left; each run waits until expired leases free the items."""
        lease = DUPLICATE_LEASE if result.cell.kind == "duplicate" else self._baseline.lease
        for _ in range(MAX_RECOVERIES):
            if not await workload.unfinished():
                break
            run = replace(workload.run, lease=lease)
            if await workload.only_messages_left():
                run = replace(run, job="recover")
                await asyncio.sleep(lease)  # until then a message belongs to the killed process
            await self._finish(run, result)
        if result.last_fault_at is not None and result.runs:
            result.recovery_seconds = max(0.0, result.runs[-1].at - result.last_fault_at)

    async def _finish(self, run: Run, result: CellResult) -> ExitStatus:
        return self._note(await self._fork_server.finish(run), result)

    def _note(self, exited: ExitStatus, result: CellResult) -> ExitStatus:
        result.runs.append(exited)
        if exited.signal is not None or exited.code:
            result.faulted.add(exited.pid)
            result.last_fault_at = exited.at
        return exited


@dataclass(frozen=True, slots=True)
class BaselineRun:
    """A run without faults: its fail points with their hits, its duration, and its violations."""

    hits: dict[str, int]
    seconds: float
    violations: list[str]


async def record_baseline(
    fork_server: ForkClient, environment: Environment, new_workload: NewWorkload = new_orders
) -> BaselineRun:
    """Run without faults; a violation here has another cause than a fault."""
    async with environment.cell_folder() as (folder, url):
        workload = new_workload(folder, environment.data, url, 1.0)
        file = folder / "hits.json"
        exited = await fork_server.finish(replace(workload.run, hits=str(file)))
        violations = await workload.check(Expectation(workload.expected, set()))
        if exited.code != 0:
            violations.append(f"a run without faults ended with {exited}")
        return BaselineRun(json.loads(file.read_text("utf-8")), exited.seconds, violations)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the cells of a campaign share; `history` is a file, `preload` are modules for the fork server."""

    seed: int
    journal: Kind
    at_once: int
    history: Path
    lease: float = 1.0
    new_workload: NewWorkload = new_orders
    preload: tuple[str, ...] = ()
    option: str = ""  # of the command, for this workload


async def run_cells(
    fork_server: ForkClient, journals: Journals, plan: Plan, cells: Sequence[Cell]
) -> list[CellResult]:
    """Run all cells, with a new sandbox for every hundred, and write the history as they end."""
    results: list[CellResult] = []
    plan.history.parent.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        history = stack.enter_context(plan.history.open("a", encoding="utf-8"))
        next_server = None
        if any(cell.release for cell in cells):
            tree = await stack.enter_async_context(next_release())
            next_server = await stack.enter_async_context(open_fork_server(tree))
        for start in range(0, len(cells), CELLS_PER_SANDBOX):
            async with open_environment(journals) as environment:
                recorded = await record_baseline(fork_server, environment, plan.new_workload)
                if recorded.violations:
                    none = CellResult(Cell("none"), plan.seed, violations=recorded.violations)
                    results.append(none)
                baseline = Baseline(plan.seed, recorded.seconds, plan.lease)
                runner = CellRunner(fork_server, environment, baseline, plan.new_workload)
                if next_server is not None:
                    runner.next_release = CellRunner(
                        next_server, environment, baseline, plan.new_workload
                    )
                part = cells[start : start + CELLS_PER_SANDBOX]
                beside = iter([cell for cell in part if cell.kind != "restart"])
                alone = [cell for cell in part if cell.kind == "restart"]  # all share the server

                async def work(queue: Iterable[Cell], runner: CellRunner = runner) -> None:
                    for cell in queue:
                        result = await runner.run_cell(cell, plan.history.parent)
                        results.append(result)
                        line = {"journal": plan.journal, **result.as_json()}
                        history.write(json.dumps(line) + "\n")
                        history.flush()

                await asyncio.gather(*(work(beside) for _ in range(plan.at_once)))
                await work(alone)
    return results


async def run_campaign(plan: Plan, choose: Choose, kills: int = 0) -> list[CellResult]:
    """Run the cells that `choose` returns for the hits of a run without faults.

    Then run cells of random kills until `kills` processes have been killed.
    """
    async with AsyncExitStack() as stack:
        fork_server = await stack.enter_async_context(open_fork_server(preload=plan.preload))
        journals = await stack.enter_async_context(open_journals(plan.journal))
        async with open_environment(journals) as environment:
            hits = (await record_baseline(fork_server, environment, plan.new_workload)).hits
        results = await run_cells(fork_server, journals, plan, choose(hits))
        numbers, killed = count(), 0
        while killed < kills:
            # A cell has one to three kills, and some of them come after the end of the run.
            few = max(plan.at_once, (kills - killed) // 2)
            cells = [
                Cell("random", number=next(numbers)) for _ in range(min(few, CELLS_PER_SANDBOX))
            ]
            more = await run_cells(fork_server, journals, plan, cells)
            killed += sum(one.kills for one in more)
            results += more
        return results
