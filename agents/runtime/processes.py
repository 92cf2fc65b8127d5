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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.runtime import errors
from agents.runtime.errors import AgentError, TransientError
from agents.runtime.policies import CORES
from agents.runtime.task import AGENTS, Agent

PROGRAM = Path(__file__).with_name("nursery.py")
START_SECONDS = 60.0
LONGEST_ANSWER = 2**30  # bytes


@dataclass(frozen=True, slots=True)
class _Nursery:
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


class Processes:
    """The processes of this one; the first call starts the nursery they are forked from."""

    def __init__(self, most: int = CORES) -> None:
        self._slots = asyncio.Semaphore(most)
        self._nursery: asyncio.Future[_Nursery] | None = None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a free core, and at the first time until calls can be made."""
        async with self._slots:
            if self._nursery is None or _is_over(self._nursery):
                await self.close()
                self._nursery = asyncio.ensure_future(asyncio.to_thread(_start))
            await asyncio.shield(self._nursery)
            yield

    async def run(self, agent: Agent[..., Any], arguments: list[Any]) -> Any:
        """The fact that the agent states, called in a process of its own; once it is cancelled, killed.

        Raises what the agent raises, by its kind and words, and TransientError if the process dies.
        """
        assert self._nursery is not None, "ask for a slot first"
        request = {
            "module": _module_of(agent),
            "agent": agent.name,
            "memory": agent.policy.memory,
            "arguments": agent.packed(arguments),
        }
        answer = await _ask(self._nursery.result().address, json.dumps(request))
        if "fact" in answer:
            return agent.unpacked(answer["fact"])
        if "raised" in answer:
            raise _raised(agent, answer["raised"])
        end = f"was killed by {answer['died']}" if answer else "ended without an answer"
        raise TransientError(f"{agent.name}: its process {end}")

    async def close(self) -> None:
        """Kill all that still works."""
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            await asyncio.wait([nursery])
            if nursery.exception() is None:
                nursery.result().close()


def _is_over(nursery: "asyncio.Future[_Nursery]") -> bool:
    if not nursery.done():
        return False
    return nursery.exception() is not None or nursery.result().process.poll() is not None


def _start() -> _Nursery:
    """Raises TransientError if it is not ready in time."""
    address = Path(tempfile.mkdtemp(prefix="agent-flows-")) / "calls"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(CORES)
        modules = sorted({_module_of(a) for a in AGENTS.values() if a.policy.process})
        nursery = _Nursery(_started(listener.fileno(), modules), address)
    stdout = nursery.process.stdout
    assert stdout is not None
    if not select.select([stdout], [], [], START_SECONDS)[0] or not stdout.readline():
        nursery.close()
        raise TransientError("the process for CPU work did not start, see its standard error")
    return nursery


def _started(listener: int, modules: list[str]) -> subprocess.Popen[bytes]:
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
                    told: dict[str, Any] = json.loads(line)
                    return told
        finally:
            writer.transport.abort()  # which kills whoever has not answered yet
    return {}


def _module_of(agent: Agent[..., Any]) -> str:
    """Where another process finds the agent, also if this one runs its module by `python -m`."""
    module = agent.function.__module__
    spec = sys.modules[module].__spec__
    return module if spec is None else spec.name


def _raised(agent: Agent[..., Any], told: dict[str, Any]) -> Exception:
    """The agent's error. What happens to the item follows from its kind, so its class is made anew."""
    kind, text = told["kind"], told["text"]
    if kind == "MemoryError":
        return TransientError(f"{agent.name} needs more than {agent.policy.memory} bytes of memory")
    if kind == "TransientError":
        return TransientError(text, told["retry_after"])
    root: type[Exception] = getattr(errors, kind, Exception)
    error: Exception = type(told["type"], (root,), {})(text)
    if not isinstance(error, AgentError):
        error.add_note(told["trace"])
    return error
