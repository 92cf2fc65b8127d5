"""A parent process that has imported everything and forks a child for each run: a kill costs milliseconds.

`python -m tests.faults.fork_server [MODULE...]` imports these modules too, then reads one JSON command
per line and writes one JSON event per line: `started`, `stopped` or `exited`. It starts no event loop,
thread or connection itself, and signals only processes that it forked and has not reaped yet.
"""

import asyncio
import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

import agents
from agents.runtime import testing as failpoints
from agents.runtime.context import open_runtime
from agents.runtime.execution.attempt import LeaseLost
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.operator_actions import OperatorAction, cancel
from agents.runtime.settings import PREFIX, settings
from agents.runtime.shutdown import Stopped
from flows.operations import recovery
from flows.operations.consumer import consume
from flows.order_processing import enqueue_orders, process_orders
from tests.clocks import go_by
from tests.faults.checker import few_messages_at_once
from tests.faults.protocol import CLOCK, Run, line, run_from_json
from tests.invariants import dump_journal

ROOT = Path(__file__).resolve().parents[2]
# Exit codes. A starved run has noticed that it lost its lease and has stopped, as it must.
# A blocked run has waited for SQLite's lock until the timeout: a process that is stopped inside a
# transaction keeps the lock, and no fence helps there.
CRASHED, INTERRUPTED, STARVED, BLOCKED = 1, 3, 4, 5
SHORT = 0.002  # seconds between two looks at the lock
PR_SET_PDEATHSIG = 1


class ForkServer:
    """The parent's loop: it reads commands, forks children and reports how they exit."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, tuple[int, float]] = {}
        self._deadlines: dict[int, float] = {}
        self._signal_reader, self._signal_writer = os.pipe()
        self._partial_line = b""

    def serve(self) -> None:
        """Serve until standard input ends; then kill every child that is left."""
        assert threading.active_count() == 1, threading.enumerate()
        os.set_blocking(self._signal_writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._signal_writer, warn_on_full_buffer=False)
        self._selector.register(0, selectors.EVENT_READ)
        self._selector.register(self._signal_reader, selectors.EVENT_READ)
        gc.freeze()
        has_input = True
        while has_input:
            now = time.monotonic()
            wait = max(0.0, min(self._deadlines.values()) - now) if self._deadlines else None
            for key, _ in self._selector.select(wait):
                if key.fd == self._signal_reader:
                    os.read(self._signal_reader, 4096)
                else:
                    has_input = self._read()
            self._kill_overdue()
            self._reap()
        for pid in list(self._children):
            self._signal(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _read(self) -> bool:
        read = os.read(0, 1 << 16)
        *lines, self._partial_line = (self._partial_line + read).split(b"\n")
        for one in lines:
            self._execute(json.loads(one))
        return bool(read)

    def _execute(self, command: dict[str, Any]) -> None:
        if command["do"] == "run":
            self._start(int(command["id"]), run_from_json(command["run"]))
        else:
            self._signal(int(command["pid"]), signal.Signals[command["do"]])

    def _start(self, number: int, run: Run) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                self._selector.close()
                code = run_child(run)
            except BaseException:  # noqa: BLE001 - after any error the child must not run the parent's loop
                code = CRASHED
            os._exit(code)
        self._children[pid] = number, time.monotonic()
        if run.seconds is not None:
            self._deadlines[pid] = time.monotonic() + run.seconds
        self._report(number, "started", pid)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        # The child is not reaped yet, so the pid is still its own, even if it is dead.
        if pid in self._children:
            os.kill(pid, number)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid in [pid for pid, at in self._deadlines.items() if at <= now]:
            del self._deadlines[pid]
            self._signal(pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid in list(self._children):
            found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if not found:
                continue
            number, started = self._children[pid]
            if os.WIFSTOPPED(status):
                self._report(number, "stopped", pid)
                continue
            del self._children[pid]
            self._deadlines.pop(pid, None)
            by = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            at = time.monotonic()
            self._report(number, "exited", pid, code=code, signal=by, seconds=at - started, at=at)

    def _report(self, number: int, event: str, pid: int, **more: Any) -> None:
        os.write(1, line({"id": number, "event": event, "pid": pid, **more}))


def run_child(run: Run) -> int:
    """Run the job in the child; returns the exit code."""
    _detach(run)
    os.environ |= {
        f"{PREFIX}DATA": run.data,
        f"{PREFIX}JOURNAL_URL": run.journal,
        f"{PREFIX}LEASE_SECONDS": str(run.lease),
        f"{PREFIX}REDIS_URL": f"unix://{run.folder}/no-redis",  # consumers must work without it
    }
    settings.cache_clear()
    _limit_resources(run)
    if (clock := Path(run.folder, CLOCK)).exists():
        go_by(clock)
    hits = arm_points(run.points, run.journal)
    try:
        with few_messages_at_once():
            asyncio.run(_JOBS[run.job](run))
    except LeaseLost:
        return STARVED
    except (Stopped, KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except (OperationalError, sqlite3.OperationalError) as error:
        traceback.print_exc()
        return BLOCKED if "database is locked" in str(error) else CRASHED
    except BaseException:  # noqa: BLE001 - the log and the exit code report it
        traceback.print_exc()
        return CRASHED
    finally:
        if run.hits:
            Path(run.hits).write_text(json.dumps(hits), "utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _limit_resources(run: Run) -> None:
    """Limit disk space or open files; a write beyond the limit raises an error and sends no signal."""
    if run.full:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (run.full << 10, run.full << 10))
    if run.files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (run.files, run.files))


def arm_points(points: dict[str, tuple[int, str]], journal: str) -> Counter[str]:
    """Count the hits of every fail point, and arm the points that are named.

    The product's own hook sends SIGKILL; this function sends any other signal at the same place.
    """
    kills = {name: hit for name, (hit, sent) in points.items() if sent == "SIGKILL"}
    others = {name: (hit, sent) for name, (hit, sent) in points.items() if sent != "SIGKILL"}
    product: Callable[[str], None] = failpoints._hit
    hits: Counter[str] = Counter()

    def hit(name: str) -> None:
        hits[name] += 1
        number, sent = others.get(name, (0, ""))
        if hits[name] == number:
            _send_outside_of_transactions(signal.Signals[sent], journal)
        product(name)

    failpoints._hit = hit
    failpoints.arm({"": 0, **kills})  # a point calls the hook only if something is armed
    return hits


def _send_outside_of_transactions(sent: signal.Signals, journal: str) -> None:
    """Send the signal to this process as soon as no transaction of SQLite is open.

    A process that is stopped in one keeps SQLite's lock until it continues: that tests SQLite alone. Its
    own other tasks end theirs only if it goes on for a moment.
    """
    if _is_free(journal):
        os.kill(os.getpid(), sent)
    else:
        loop = asyncio.get_running_loop()
        loop.call_later(SHORT, _send_outside_of_transactions, sent, journal)


def _is_free(journal: str) -> bool:
    """Whether the journal's lock is free, as that of PostgreSQL always is for others."""
    if not journal.startswith("sqlite"):
        return True
    try:
        with closing(sqlite3.connect(journal.partition(":///")[2], timeout=0)) as db:
            db.isolation_level = None
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    return True


def _detach(run: Run) -> None:
    """Give up what a child must not share with its parent; the child dies with it, even if stopped."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(f"{run.folder}/run.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


async def _process(run: Run) -> None:
    await process_orders.fn(
        run.orders,
        batch_size=run.batch,
        report=f"{run.folder}/report.md",
        faults=run.faults,
        stock=run.stock,
    )


async def _recover(_run: Run) -> None:
    await recovery.recover.fn()


async def _cancel(_run: Run) -> None:
    """Request the cancellation of every item that has not ended."""
    async with open_runtime(settings()) as opened:
        for row in (await dump_journal(settings().journal)).items.values():
            if row["state"] in ("pending", "processing", "waiting"):
                await cancel(
                    opened.journal,
                    OperatorAction("orders", row["key"], "tester", "changed their mind"),
                )


async def _consume(run: Run) -> None:
    """Enqueue the orders and consume the queue until it has been empty for one lease."""
    file, priority = run.orders, Priority.NORMAL
    await enqueue_orders.fn(file, priority, report=f"{run.folder}/report.md", stock=run.stock)
    await consume.fn(batch_size=run.batch, at_once=1, idle_seconds=run.lease + 0.5)


async def _analyse(run: Run) -> None:
    # A late import: few campaigns need it, and it takes seconds.
    analyse = importlib.import_module("flows.data_analysis").analyse
    study = run.study
    await analyse.fn((f"{study}/part-*.csv",), f"{study}/contract.yaml", "sold", at_once=run.batch)


async def _tasks(run: Run) -> None:
    run_workflow = importlib.import_module("flows.workflow_file").run_workflow
    await run_workflow.fn(run.workflow, workers=run.batch)


async def _returns(run: Run) -> None:
    await _process(run)
    # The requests of customers need the catalogue of this run's goods.
    os.environ[f"{PREFIX}CATALOGUE"] = f"{run.folder}/catalogue.jsonl"
    settings.cache_clear()
    await importlib.import_module("tests.faults.returning").take_returns(run)


_JOBS = {
    "process": _process,
    "consume": _consume,
    "recover": _recover,
    "cancel": _cancel,
    "analyse": _analyse,
    "tasks": _tasks,
    "returns": _returns,
}


if __name__ == "__main__":
    assert Path(agents.__file__ or "").resolve().is_relative_to(ROOT), agents.__file__
    for module in sys.argv[1:]:
        importlib.import_module(module)
    ForkServer().serve()
