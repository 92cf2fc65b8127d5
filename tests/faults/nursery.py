"""A parent that has imported everything and forks a child for each run: a kill costs milliseconds.

`python -m tests.faults.nursery [MODULE...]` loads these modules as well, then reads one JSON command
a line and answers in the same way: `begun`, `stopped` and `ended`. It starts no loop, thread or
connection itself, and signals only processes that it forked and has not yet buried.
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
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

import agents
from agents.runtime import testing as faultpoints
from agents.runtime.context import open_runtime
from agents.runtime.execution.attempt import LeaseLost
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.operator_actions import OperatorAction, cancel
from agents.runtime.settings import PREFIX, settings
from agents.runtime.shutdown import Stopped
from flows.operations import recovery
from flows.operations.consumer import consume
from flows.order_processing import enqueue_orders, process_orders
from tests.faults.runs import Run, line, run_of
from tests.invariants import dump_journal

ROOT = Path(__file__).resolve().parents[2]
# Exit codes; a starved run noticed itself that it had lost its lease, and stopped as it should.
# A blocked one waited in vain for SQLite's lock: a process that is stopped inside a transaction
# keeps it, and no fence helps there.
CRASHED, INTERRUPTED, STARVED, BLOCKED = 1, 3, 4, 5
PR_SET_PDEATHSIG = 1


class Nursery:
    """The parent's loop: commands in, children out, their ends told."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, tuple[int, float]] = {}
        self._due: dict[int, float] = {}
        self._heard, self._wake = os.pipe()
        self._rest = b""

    def serve(self) -> None:
        """Until standard input ends; then every child left is killed."""
        assert threading.active_count() == 1, threading.enumerate()
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._selector.register(0, selectors.EVENT_READ)
        self._selector.register(self._heard, selectors.EVENT_READ)
        gc.freeze()
        open_ended = True
        while open_ended:
            now = time.monotonic()
            nap = max(0.0, min(self._due.values()) - now) if self._due else None
            for key, _ in self._selector.select(nap):
                if key.fd == self._heard:
                    os.read(self._heard, 4096)
                else:
                    open_ended = self._read()
            self._kill_the_due()
            self._bury()
        for pid in list(self._children):
            self._signal(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _read(self) -> bool:
        read = os.read(0, 1 << 16)
        *lines, self._rest = (self._rest + read).split(b"\n")
        for one in lines:
            self._obey(json.loads(one))
        return bool(read)

    def _obey(self, told: dict[str, Any]) -> None:
        if told["do"] == "run":
            self._begin(int(told["id"]), run_of(told["run"]))
        else:
            self._signal(int(told["pid"]), signal.Signals[told["do"]])

    def _begin(self, number: int, run: Run) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                self._selector.close()
                code = live(run)
            except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as a parent
                code = CRASHED
            os._exit(code)
        self._children[pid] = number, time.monotonic()
        if run.seconds is not None:
            self._due[pid] = time.monotonic() + run.seconds
        self._tell(number, "begun", pid)

    def _signal(self, pid: int, how: signal.Signals) -> None:
        # Not yet waited for, so the number is still the child's, even if it is dead.
        if pid in self._children:
            os.kill(pid, how)

    def _kill_the_due(self) -> None:
        now = time.monotonic()
        for pid in [pid for pid, at in self._due.items() if at <= now]:
            del self._due[pid]
            self._signal(pid, signal.SIGKILL)

    def _bury(self) -> None:
        for pid in list(self._children):
            found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if not found:
                continue
            number, begun = self._children[pid]
            if os.WIFSTOPPED(status):
                self._tell(number, "stopped", pid)
                continue
            del self._children[pid]
            self._due.pop(pid, None)
            by = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            at = time.monotonic()
            self._tell(number, "ended", pid, code=code, signal=by, seconds=at - begun, at=at)

    def _tell(self, number: int, event: str, pid: int, **more: Any) -> None:
        os.write(1, line({"id": number, "event": event, "pid": pid, **more}))


def live(run: Run) -> int:
    """The child's whole life; returns its exit code."""
    _leave_home(run)
    os.environ |= {
        f"{PREFIX}DATA": run.data,
        f"{PREFIX}JOURNAL_URL": run.journal,
        f"{PREFIX}LEASE_SECONDS": str(run.lease),
        f"{PREFIX}REDIS_URL": f"unix://{run.folder}/nobody",  # consumers must not need it
    }
    settings.cache_clear()
    _starve(run)
    seen = watch(run.points, run.journal)
    try:
        asyncio.run(_JOBS[run.job](run))
    except LeaseLost:
        return STARVED
    except (Stopped, KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except OperationalError as error:
        traceback.print_exc()
        return BLOCKED if "database is locked" in str(error) else CRASHED
    except BaseException:  # noqa: BLE001 - told in the log and by the exit code
        traceback.print_exc()
        return CRASHED
    finally:
        if run.hits:
            Path(run.hits).write_text(json.dumps(seen), "utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _starve(run: Run) -> None:
    """Take disk or open files away; who writes on hears of it by an error, not by a signal."""
    if run.full:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (run.full << 10, run.full << 10))
    if run.files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (run.files, run.files))


def watch(points: dict[str, tuple[int, str]], journal: str) -> Counter[str]:
    """Count the hits of every point, and arm those that are named.

    A SIGKILL is armed as the product's own; another signal is sent here, in the same moment.
    """
    kills = {name: hit for name, (hit, how) in points.items() if how == "SIGKILL"}
    others = {name: (hit, how) for name, (hit, how) in points.items() if how != "SIGKILL"}
    product: Callable[[str], None] = faultpoints._hit
    seen: Counter[str] = Counter()

    def hit(name: str) -> None:
        seen[name] += 1
        number, how = others.get(name, (0, ""))
        if seen[name] == number:
            _let_go(journal)
            os.kill(os.getpid(), signal.Signals[how])
        product(name)

    faultpoints._hit = hit
    faultpoints.arm({"": 0, **kills})  # with nothing armed, a point does not even look
    return seen


def _let_go(journal: str) -> None:
    """Wait until no thread of ours, such as the heartbeat's, is inside a transaction on SQLite.

    One that is stopped there locks everybody out until it wakes, which only shows SQLite.
    """
    if journal.startswith("sqlite"):
        file = journal.partition(":///")[2]
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file, timeout=0.5)) as db:
            db.isolation_level = None
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")


def _leave_home(run: Run) -> None:
    """What a forked child must not share with its parent; it dies with it, even if it is stopped."""
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


async def _reconcile(_run: Run) -> None:
    await recovery.recover.fn()


async def _cancel(_run: Run) -> None:
    """Somebody asks to cancel everything that has not ended."""
    async with open_runtime(settings()) as opened:
        for row in (await dump_journal(settings().journal)).items.values():
            if row["state"] in ("pending", "processing", "waiting"):
                await cancel(
                    opened.journal,
                    OperatorAction("orders", row["key"], "tester", "changed their mind"),
                )


async def _consume(run: Run) -> None:
    """Leave the orders in the queue and take what is there, until nothing has come for a lease."""
    file, priority = run.orders, Priority.NORMAL
    await enqueue_orders.fn(file, priority, report=f"{run.folder}/report.md", stock=run.stock)
    await consume.fn(batch_size=run.batch, at_once=1, idle_seconds=run.lease + 0.5)


async def _analyse(run: Run) -> None:
    # Not with the others: few campaigns need it, and it takes seconds to load.
    analyse = importlib.import_module("flows.data_analysis").analyse
    study = run.study
    await analyse.fn((f"{study}/part-*.csv",), f"{study}/contract.yaml", "sold", at_once=run.batch)


_JOBS = {
    "process": _process,
    "consume": _consume,
    "reconcile": _reconcile,
    "cancel": _cancel,
    "analyse": _analyse,
}


if __name__ == "__main__":
    assert Path(agents.__file__ or "").resolve().is_relative_to(ROOT), agents.__file__
    for module in sys.argv[1:]:
        importlib.import_module(module)
    Nursery().serve()
