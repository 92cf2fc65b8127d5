"""CPU calls in processes of their own: as many at once as there are cores, each killed at its timeout.

None of the pools that we looked at can kill one call safely: concurrent.futures and loky cannot, and
pebble's workers share one pipe with locks, so a worker killed while it answers blocks all others.
Here each call has a process and a connection of its own, and data travels as JSON.
"""

import asyncio
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from agents.runtime import errors
from agents.runtime.child_start import ChildStart, DidNotStart
from agents.runtime.errors import AgentError, TransientError
from agents.runtime.model.policies import CORES

PROGRAM = Path(__file__).with_name("fork_server.py")
FORK_ATTEMPTS, FORK_PAUSE = 5, 1.0  # while the system has no room for another process; seconds
LONGEST_ANSWER = 2**30  # bytes
LONGEST_BACKLOG = (
    128  # calls that are not accepted yet, with cancelled ones; beyond it they would be refused
)


@dataclass(frozen=True, slots=True)
class _ForkServer:
    process: subprocess.Popen[bytes]
    address: Path

    def close(self) -> None:
        """Kill the fork server and its children."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self.address.parent, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class PooledCall:
    """One call of an agent's function: module, name, and arguments as JSON.

    `memory` is the number of bytes that the call may take; None means no limit.
    """

    module: str
    agent: str
    memory: int | None
    arguments: str


class ProcessPool:
    """Runs calls in child processes, which a fork server makes; the first call starts it."""

    def __init__(self, most: int = CORES) -> None:
        self._slots = asyncio.Semaphore(most)
        self._fork_server: asyncio.Future[_ForkServer] | None = None
        self._closing = threading.Event()

    @property
    def has_free_core(self) -> bool:
        """Whether a call would not wait for a core."""
        return not self._slots.locked()

    @asynccontextmanager
    async def slot(self, modules: Callable[[], Sequence[str]]) -> AsyncIterator[None]:
        """Wait for a free core, and start the fork server if it does not run.

        `modules` returns the modules that the fork server imports, so that no call has to. Raises
        DidNotStart; the next call starts it again.
        """
        async with self._slots:
            if self._fork_server is None or _has_ended(self._fork_server):
                # Without an `await`: another call would start a server too, which nobody ends.
                ended = self._fork_server
                self._closing.clear()
                starting = asyncio.to_thread(_start, sorted(set(modules())), self._closing)
                self._fork_server = asyncio.ensure_future(starting)
                if ended is not None and ended.exception() is None:
                    ended.result().close()
            await asyncio.shield(self._fork_server)
            yield

    async def run(self, call: PooledCall) -> str:
        """Run a call in a process of its own; returns the fact as JSON.

        A cancelled call is killed. Raises an error of the kind and text that the agent raises,
        TransientError if the process crashes, and DidNotStart if the system has no room for it.
        """
        assert self._fork_server is not None, "run a call within `slot`"
        fork_server = await asyncio.shield(self._fork_server)  # another call may start it again
        address, request = fork_server.address, json.dumps(asdict(call))
        answer = await _ask(address, request)
        for _ in range(FORK_ATTEMPTS):
            if "not_forked" not in answer:
                break
            await asyncio.sleep(FORK_PAUSE)
            answer = await _ask(address, request)
        if "not_forked" in answer:
            raise DidNotStart(f"a process for {call.agent}", "did not start", answer["not_forked"])
        if "fact" in answer:
            fact: str = answer["fact"]
            return fact
        if "raised" in answer:
            raise _raised(call, answer["raised"])
        if not answer:
            # The fork server ends. Under load its last thread takes a while, in which it neither answers nor has ended.
            fork_server.process.kill()
            await asyncio.to_thread(fork_server.process.wait)
        killed_by = answer.get("killed_by")
        end = f"was killed by {killed_by}" if killed_by else "ended without an answer"
        raise TransientError(f"{call.agent}: its process {end}")

    async def close(self) -> None:
        """Kill the fork server and all calls that run."""
        fork_server, self._fork_server = self._fork_server, None
        if fork_server is not None:
            self._closing.set()
            await asyncio.wait([fork_server])
            if fork_server.exception() is None:
                fork_server.result().close()


def _has_ended(fork_server: "asyncio.Future[_ForkServer]") -> bool:
    if not fork_server.done():
        return False
    return fork_server.exception() is not None or fork_server.result().process.poll() is not None


def _start(modules: Sequence[str], closing: threading.Event) -> _ForkServer:
    """Start a fork server. Raises DidNotStart, also when the pool is closed meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="agent-flows-"))
    address, words = folder / "calls", folder / "words"
    with socket.socket(socket.AF_UNIX) as listener, words.open("ab") as log:
        listener.bind(str(address))
        listener.listen(LONGEST_BACKLOG)
        starting = ChildStart("the process for CPU calls", words, keeps_log=False)
        fork_server = _ForkServer(_spawn(listener.fileno(), modules, log), address)

    def is_ready() -> bool:
        if closing.is_set():
            raise starting.failed("was stopped while it started")
        return _is_ready(fork_server.process)

    try:
        starting.wait(fork_server.process, is_ready)
    except DidNotStart:
        fork_server.close()
        raise
    return fork_server


def _is_ready(process: subprocess.Popen[bytes]) -> bool:
    stdout = process.stdout
    assert stdout is not None
    return bool(select.select([stdout], [], [], 0)[0] and stdout.readline())


def _spawn(listener: int, modules: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The process; it writes to `log` until it is ready, and then to our standard error."""
    stderr = os.dup(2)
    arguments = [str(listener), str(stderr), json.dumps(sys.path), json.dumps(modules)]
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and file, no shell
            [sys.executable, "-P", str(PROGRAM), *arguments],
            stdin=subprocess.PIPE,  # it ends when this pipe is closed
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=[listener, stderr],
            start_new_session=True,  # Ctrl-C reaches this process only, which ends the fork server
        )
    finally:
        os.close(stderr)


async def _ask(address: Path, request: str) -> dict[str, Any]:
    """The answer of the child, or of the fork server if the child ended without one; empty if that has ended too.

    It does not wait for the end of the child, which takes long if the child has much memory.
    """
    with suppress(OSError):
        reader, writer = await asyncio.open_unix_connection(address, limit=LONGEST_ANSWER)
        try:
            writer.write(request.encode() + b"\n")
            while line := await reader.readline():
                with suppress(json.JSONDecodeError):
                    answer: dict[str, Any] = json.loads(line)
                    return answer
        except ValueError:  # the answer is too long
            return {"ended": True}
        finally:
            writer.transport.abort()  # the fork server kills a child without an answer
    return {}


def _raised(call: PooledCall, raised: dict[str, Any]) -> Exception:
    """The agent's error, of a new class with the same name and the root that determines its outcome."""
    kind, text = raised["kind"], raised["text"]
    if kind == "MemoryError":
        return TransientError(f"{call.agent} needs more than {call.memory} bytes of memory")
    if kind == "TransientError":
        return TransientError(text, raised["retry_after"])
    root: type[Exception] = getattr(errors, kind, Exception)
    error: Exception = type(raised["type"], (root,), {})(text)
    if not isinstance(error, AgentError):
        error.add_note(raised["trace"])
    return error
