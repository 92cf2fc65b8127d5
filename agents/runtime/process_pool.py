"""CPU calls in processes of their own: as many at once as there are cores, each killed at its timeout.

None of the pools that we looked at can kill one call safely: concurrent.futures and loky cannot, and
pebble's workers share one pipe with locks, so a worker killed while it answers blocks all others.
Here each call has a process and a connection of its own, and data travels as JSON.
"""

import asyncio
import json
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.runtime import errors
from agents.runtime.errors import AgentError, TransientError
from agents.runtime.model.policies import CORES

PROGRAM = Path(__file__).with_name("fork_server.py")
START_SECONDS = 60.0
LONGEST_ANSWER = 2**30  # bytes


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

    @asynccontextmanager
    async def slot(self, modules: Callable[[], Sequence[str]]) -> AsyncIterator[None]:
        """Wait for a free core, and start the fork server if it does not run.

        `modules` returns the modules that the fork server imports, so that no call has to.
        """
        async with self._slots:
            if self._fork_server is None or _has_ended(self._fork_server):
                await self.close()
                starting = asyncio.to_thread(_start, sorted(set(modules())))
                self._fork_server = asyncio.ensure_future(starting)
            await asyncio.shield(self._fork_server)
            yield

    async def run(self, call: PooledCall) -> str:
        """Run a call in a process of its own; returns the fact as JSON.

        A cancelled call is killed. Raises an error of the kind and text that the agent raises, and
        TransientError if the process crashes.
        """
        assert self._fork_server is not None, "run a call within `slot`"
        answer = await _ask(self._fork_server.result().address, json.dumps(asdict(call)))
        if "fact" in answer:
            fact: str = answer["fact"]
            return fact
        if "raised" in answer:
            raise _raised(call, answer["raised"])
        end = f"was killed by {answer['killed_by']}" if answer else "ended without an answer"
        raise TransientError(f"{call.agent}: its process {end}")

    async def close(self) -> None:
        """Kill the fork server and all calls that run."""
        fork_server, self._fork_server = self._fork_server, None
        if fork_server is not None:
            await asyncio.wait([fork_server])
            if fork_server.exception() is None:
                fork_server.result().close()


def _has_ended(fork_server: "asyncio.Future[_ForkServer]") -> bool:
    if not fork_server.done():
        return False
    return fork_server.exception() is not None or fork_server.result().process.poll() is not None


def _start(modules: Sequence[str]) -> _ForkServer:
    """Start a fork server. Raises TransientError if it is not ready in time."""
    address = Path(tempfile.mkdtemp(prefix="agent-flows-")) / "calls"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(CORES)
        fork_server = _ForkServer(_spawn(listener.fileno(), modules), address)
    stdout = fork_server.process.stdout
    assert stdout is not None
    if not select.select([stdout], [], [], START_SECONDS)[0] or not stdout.readline():
        fork_server.close()
        raise TransientError("the process for CPU calls did not start, see its standard error")
    return fork_server


def _spawn(listener: int, modules: Sequence[str]) -> subprocess.Popen[bytes]:
    arguments = [str(listener), json.dumps(sys.path), json.dumps(modules)]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and file, no shell
        [sys.executable, "-P", str(PROGRAM), *arguments],
        stdin=subprocess.PIPE,  # it ends when this pipe is closed
        stdout=subprocess.PIPE,
        pass_fds=[listener],
        start_new_session=True,  # Ctrl-C reaches this process only, which ends the fork server
    )


async def _ask(address: Path, request: str) -> dict[str, Any]:
    """The answer of the child, or of the fork server if the child was killed; empty if there is none.

    It does not wait for the end of the child, which takes long if the child has much memory.
    """
    with suppress(OSError, ValueError):
        reader, writer = await asyncio.open_unix_connection(address, limit=LONGEST_ANSWER)
        try:
            writer.write(request.encode() + b"\n")
            while line := await reader.readline():
                with suppress(json.JSONDecodeError):
                    answer: dict[str, Any] = json.loads(line)
                    return answer
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
