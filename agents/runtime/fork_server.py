"""The fork server: a process with all CPU agents imported, which forks one child for each call.

agents/runtime/process_pool.py starts it as a program, with a listening socket, its own standard error,
the module search path and the modules to import. One call is one connection: a line with the request, a line with the
answer. A call whose connection is closed is killed, so no call outlives its caller.
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
PARENT = 0  # standard input, which is closed when the parent process ends


class ForkServer:
    """The server and its running children, each with the connection of its call."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, tuple[int, socket.socket]] = {}
        self._poll = select.poll()
        self._child_ended, wakeup = socket.socketpair()
        wakeup.setblocking(False)
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        self._wakeup = wakeup

    def serve(self) -> None:
        """Fork, kill and reap children until the parent process ends."""
        for descriptor in (PARENT, self._listener.fileno(), self._child_ended.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            if PARENT in ready:
                self._kill(self._children.keys())
                return
            self._kill(ready & self._children.keys())
            if self._child_ended.fileno() in ready:
                self._child_ended.recv(4096)
                self._reap()
            if self._listener.fileno() in ready:
                self._fork(self._listener.accept()[0])

    def _fork(self, connection: socket.socket) -> None:
        fork_server = os.getpid()
        try:
            child = os.fork()
        except OSError as error:  # too many processes: the caller waits and asks again
            _send(connection, {"not_forked": str(error)})
            connection.close()
            return
        if child == 0:
            try:
                self._close_server_files()
                _end_with(fork_server)
                _work(connection)
            finally:
                os._exit(1)
        self._children[connection.fileno()] = child, connection
        self._poll.register(connection, 0)  # reports only that the caller has closed it

    def _close_server_files(self) -> None:
        """In a child: close all files and handlers of the server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for _, connection in self._children.values():
            connection.close()
        for own in (self._listener, self._child_ended, self._wakeup):
            own.close()

    def _kill(self, connections: AbstractSet[int]) -> None:
        for connection in connections:
            # The child is not reaped yet, so its process id is still its own.
            os.kill(self._children[connection][0], signal.SIGKILL)

    def _reap(self) -> None:
        """Close the connections of children that ended, and answer for those that did not."""
        for number, (child, connection) in list(self._children.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended:
                continue
            self._poll.unregister(connection)
            if os.WIFSIGNALED(status):
                _send(connection, {"killed_by": signal.Signals(os.WTERMSIG(status)).name})
            else:
                _send(connection, {"ended": True})  # after the child's answer it is not read
            connection.close()
            del self._children[number]


def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    try:
        connection.setblocking(False)
        connection.send(b"\n" + json.dumps(answer).encode() + b"\n")
    except OSError:
        pass  # the caller has gone


def _end_with(fork_server: int) -> None:
    """On Linux, have the child killed when the fork server ends."""
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
        _limit_memory(request["memory"])
        return {"fact": agent.call_packed(request["arguments"])}
    except BaseException as error:  # noqa: BLE001 - any error is sent to the caller
        _limit_memory(None)
        return {"raised": _described(error)}


def _limit_memory(memory: int | None) -> None:
    """Let the process take `memory` bytes on top of what it has; None means no limit."""
    statm = Path("/proc/self/statm")
    soft, (_, hard) = resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_AS)
    if memory is not None and statm.exists():
        soft = int(statm.read_text("ascii").split()[0]) * resource.getpagesize() + memory
    if hard != resource.RLIM_INFINITY:
        soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _keep_memory() -> None:
    """Keep freed memory in the process, as a child runs one call and will use it again.

    Allocating it from the system again took up to a tenth of a call that works on tables.
    Sources: mallopt(3); tests.benchmarks.analysis.
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(M_MMAP_THRESHOLD, 32 << 20)
        mallopt(M_TRIM_THRESHOLD, (2 << 30) - 1)


def _described(error: BaseException) -> dict[str, Any]:
    """The error as JSON, with the root class that determines its outcome."""
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


def main(listener: int, stderr: int, path: str, modules: str) -> None:
    """Import the modules, write `ready` to standard output, and serve.

    Until then, standard error is a file that the parent process reads; after it, the file `stderr`.
    """
    _keep_memory()
    sys.path[:] = json.loads(path)
    for module in json.loads(modules):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else the first collection of a child copies all memory that it shares
    os.write(1, b"ready\n")
    os.dup2(stderr, 2)
    os.close(stderr)
    os.dup2(2, 1)  # output of agents must not fill a pipe that is not read
    ForkServer(socket.socket(fileno=listener)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
