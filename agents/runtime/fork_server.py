"""The process in which CPU work begins: it has the agents loaded and forks one child for each call.

A program of its own, started by agents/runtime/process_pool.py with a listening socket, the module
search path and the modules to load. One call is one connection: a line with the request, a line
with the answer. A call whose connection is closed is killed, so nothing outlives who asked for it.
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LIFE_LINE = 0  # standard input: it ends with the process that started this one


class ForkServer:
    """The children at work, each with the connection it serves."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, tuple[int, socket.socket]] = {}
        self._poll = select.poll()
        self._died, told = socket.socketpair()
        told.setblocking(False)
        signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        self._told = told

    def serve(self) -> None:
        """Fork, kill and bury until the life line ends."""
        for awaited in (LIFE_LINE, self._listener.fileno(), self._died.fileno()):
            self._poll.register(awaited, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            if LIFE_LINE in ready:
                self._kill(self._children.keys())
                return
            self._kill(ready & self._children.keys())
            if self._died.fileno() in ready:
                self._died.recv(4096)
                self._add_dead_letter()
            if self._listener.fileno() in ready:
                self._fork(self._listener.accept()[0])

    def _fork(self, connection: socket.socket) -> None:
        fork_server = os.getpid()
        try:
            child = os.fork()
        except OSError:  # no room for one more: whoever asked hears nothing and tries again
            connection.close()
            return
        if child == 0:
            try:
                self._leave()
                _end_with(fork_server)
                _work(connection)
            finally:
                os._exit(1)
        self._children[connection.fileno()] = child, connection
        self._poll.register(connection, 0)  # tells when the other side has hung up, nothing else

    def _leave(self) -> None:
        """In a child: let go of all that is the nursery's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for _, connection in self._children.values():
            connection.close()
        for own in (self._listener, self._died, self._told):
            own.close()

    def _kill(self, connections: AbstractSet[int]) -> None:
        for connection in connections:
            # Not buried yet, so the number still means this child.
            os.kill(self._children[connection][0], signal.SIGKILL)

    def _add_dead_letter(self) -> None:
        """Close the connections of children that ended; say so if they were killed."""
        for number, (child, connection) in list(self._children.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended:
                continue
            self._poll.unregister(connection)
            if os.WIFSIGNALED(status):
                _say(connection, {"died": signal.Signals(os.WTERMSIG(status)).name})
            connection.close()
            del self._children[number]


def _say(connection: socket.socket, what: dict[str, Any]) -> None:
    try:
        connection.setblocking(False)
        connection.send(b"\n" + json.dumps(what).encode() + b"\n")
    except OSError:
        pass  # nobody listens any more


def _end_with(fork_server: int) -> None:
    """Where the system can, let the child be killed when the nursery is."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != fork_server:
        os._exit(1)


def _work(connection: socket.socket) -> NoReturn:
    with connection.makefile("rwb") as stream:
        stream.write(json.dumps(_answer(json.loads(stream.readline()))).encode() + b"\n")
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        importlib.import_module(request["module"])
        agent = importlib.import_module("agents.runtime.execution.agent").AGENTS[request["agent"]]
        _cap(request["memory"])
        return {"fact": agent.call_packed(request["arguments"])}
    except BaseException as error:  # noqa: BLE001 - whatever it is, the one who asked is told
        _cap(None)
        return {"raised": _told(error)}


def _cap(memory: int | None) -> None:
    """Let the process take so many bytes on top of what it has; None: any."""
    statm = Path("/proc/self/statm")
    soft, (_, hard) = resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_AS)
    if memory is not None and statm.exists():
        soft = int(statm.read_text("ascii").split()[0]) * resource.getpagesize() + memory
    if hard != resource.RLIM_INFINITY:
        soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _keep_memory() -> None:
    """Let a child keep what it frees: it lives for one call, and will want it again.

    To fetch that anew from the system took up to a tenth of a call that works on tables.
    Sources: mallopt(3); tests.benchmarks.analysis.
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(M_MMAP_THRESHOLD, 32 << 20)
        mallopt(M_TRIM_THRESHOLD, (2 << 30) - 1)


def _told(error: BaseException) -> dict[str, Any]:
    """The error in words, and the class that says what happens to the item."""
    errors = importlib.import_module("agents.runtime.errors")
    kinds = (errors.Parked, errors.PermanentError, errors.TransientError)
    kind = next((k.__name__ for k in kinds if isinstance(error, k)), "Exception")
    return {
        "kind": "MemoryError" if isinstance(error, MemoryError) else kind,
        "type": type(error).__name__,
        "text": str(error),
        "retry_after": getattr(error, "retry_after", None),
        "trace": "".join(traceback.format_exception(error)[-8:]),
    }


def main(listener: int, path: str, modules: str) -> None:
    """Load the modules, say that all is ready, and serve."""
    _keep_memory()
    sys.path[:] = json.loads(path)
    for module in json.loads(modules):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else a child's first collection copies all that it shares with the nursery
    os.write(1, b"ready\n")
    os.dup2(2, 1)  # whatever agents print must not fill a pipe that nobody reads
    ForkServer(socket.socket(fileno=listener)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
