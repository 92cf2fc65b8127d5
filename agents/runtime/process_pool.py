"""CPU work in processes of its own, as many at once as there are cores, killed when its time is up.

Own code, for none of the pools we looked at kills one call safely: concurrent.futures and loky
cannot, and pebble's workers share one pipe with its locks, so that one killed while it answers holds
up all others. Here each call has a process and a connection of its own, and data travels as JSON.
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
        """Kill it, and with it all that it works on."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self.address.parent, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class PooledCall:
    """One call of an agent's function: where it is found, and its arguments as JSON.

    `memory` is the number of bytes that the call may take; None: any.
    """

    module: str
    agent: str
    memory: int | None
    arguments: str


class ProcessPool:
    """The child processes of this one; the first call starts the fork server they come from."""

    def __init__(self, most: int = CORES) -> None:
        self._slots = asyncio.Semaphore(most)
        self._fork_server: asyncio.Future[_ForkServer] | None = None

    @asynccontextmanager
    async def slot(self, modules: Callable[[], Sequence[str]]) -> AsyncIterator[None]:
        """Wait for a free core, and at the first time until calls can be made.

        `modules` names what the fork server loads, so that no call has to.
        """
        async with self._slots:
            if self._fork_server is None or _is_over(self._fork_server):
                await self.close()
                starting = asyncio.to_thread(_start, sorted(set(modules())))
                self._fork_server = asyncio.ensure_future(starting)
            await asyncio.shield(self._fork_server)
            yield

    async def run(self, call: PooledCall) -> str:
        """The fact as JSON, from a call in a process of its own; a call that is cancelled is killed.

        Raises what the agent raises, by its kind and words, and TransientError if the process dies.
        """
        assert self._fork_server is not None, "ask for a slot first"
        answer = await _ask(self._fork_server.result().address, json.dumps(asdict(call)))
        if "fact" in answer:
            fact: str = answer["fact"]
            return fact
        if "raised" in answer:
            raise _raised(call, answer["raised"])
        end = f"was killed by {answer['died']}" if answer else "ended without an answer"
        raise TransientError(f"{call.agent}: its process {end}")

    async def close(self) -> None:
        """Kill all that still works."""
        fork_server, self._fork_server = self._fork_server, None
        if fork_server is not None:
            await asyncio.wait([fork_server])
            if fork_server.exception() is None:
                fork_server.result().close()


def _is_over(fork_server: "asyncio.Future[_ForkServer]") -> bool:
    if not fork_server.done():
        return False
    return fork_server.exception() is not None or fork_server.result().process.poll() is not None


def _start(modules: Sequence[str]) -> _ForkServer:
    """Raises TransientError if it is not ready in time."""
    address = Path(tempfile.mkdtemp(prefix="agent-flows-")) / "calls"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(CORES)
        fork_server = _ForkServer(_started(listener.fileno(), modules), address)
    stdout = fork_server.process.stdout
    assert stdout is not None
    if not select.select([stdout], [], [], START_SECONDS)[0] or not stdout.readline():
        fork_server.close()
        raise TransientError("the process for CPU work did not start, see its standard error")
    return fork_server


def _started(listener: int, modules: Sequence[str]) -> subprocess.Popen[bytes]:
    arguments = [str(listener), json.dumps(sys.path), json.dumps(modules)]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and file, no shell
        [sys.executable, "-P", str(PROGRAM), *arguments],
        stdin=subprocess.PIPE,  # its life line
        stdout=subprocess.PIPE,
        pass_fds=[listener],
        start_new_session=True,  # Ctrl-C is for us: it ends with us
    )


async def _ask(address: Path, request: str) -> dict[str, Any]:
    """What is answered, or else the last line, which says how the call ended; nothing if none came.

    A whole answer is enough: until a child with much memory is gone, its end would be waited for.
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
            writer.transport.abort()  # which kills whoever has not answered yet
    return {}


def _raised(call: PooledCall, raised: dict[str, Any]) -> Exception:
    """The agent's error. Its class is made again, as the fate of the item follows from its kind."""
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
