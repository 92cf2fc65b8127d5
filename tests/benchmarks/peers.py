"""The peers that orders are timed on, each in a process of its own, with what it writes to.

Valkey flushes its log at each write for `celery` and `pydocket`, so that they are as durable as ours; the
README of this folder says how durable each peer is.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.benchmarks.contending import Peer, peer
from tests.benchmarks.servers import postgresql, valkey

FLUSHES = {"celery": True, "celery without fsync": False, "pydocket": True}
IN_BULK = ("langgraph", "celery", "dbos postgresql", "dbos sqlite", "pydocket", "dagster")


@dataclass(frozen=True, slots=True)
class Contender:
    """A peer, and what is set before it has its turn."""

    peer: Peer
    prepare: Callable[[], None] = lambda: None

    def take(self, numbers: Sequence[int]) -> float:
        """Seconds for these orders. Raises RuntimeError."""
        return self.peer.take(numbers)


@contextmanager
def contenders(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Contender]]:
    """The peers of these names that start; who does not is named on the standard error."""
    with ExitStack() as stack:
        opened = _Opened(folder, stack)
        found: dict[str, Contender] = {}
        for name in names:
            try:
                found[name] = opened.contender(name)
            except (RuntimeError, OSError) as error:
                sys.stderr.write(f"without {name}: {error}\n")
        yield found


class _Opened:
    """Peers and their servers, each started when it is first needed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._peers: dict[str, Peer] = {}
        self._socket: Path | None = None

    def contender(self, name: str) -> Contender:
        """The peer of this name; `celery` is one process under both of its names."""
        first = name.split(maxsplit=1)[0] if name in FLUSHES else name
        if first not in self._peers:
            log = self._folder / f"{first.replace(' ', '-')}.log"
            given = peer(self._command(first), log, _environment())
            self._peers[first] = self._stack.enter_context(given)
        if name not in FLUSHES:
            return Contender(self._peers[first])
        return Contender(self._peers[first], lambda: self._flush(always=FLUSHES[name]))

    def _command(self, name: str) -> list[object]:
        if name == "dagster":
            folder = self._new("dagster")
            script = Path(__file__).with_name("peer_dagster.py")
            return ["uv", "run", "--quiet", "--script", script, folder]
        module, _, database = name.partition(" ")
        start: list[object] = [
            sys.executable,
            "-m",
            f"tests.benchmarks.peer_{_FILES.get(module, module)}",
        ]
        if module == "dbos":
            return [*start, "--url", self._url(database)]
        if module == "langgraph":
            return [*start, "--folder", self._new(module)]
        if module == "celery":
            return [*start, "--socket", self._valkey(), "--folder", self._folder]
        return [*start, "--socket", self._valkey()]

    def _new(self, name: str) -> Path:
        (self._folder / name).mkdir()
        return self._folder / name

    def _url(self, database: str) -> str:
        if database == "sqlite":
            return f"sqlite:///{self._folder / 'dbos.db'}"
        return self._stack.enter_context(postgresql())().replace("+asyncpg", "")

    def _valkey(self) -> Path:
        if self._socket is None:
            self._socket = self._stack.enter_context(valkey(self._folder))
            with Redis(unix_socket_path=str(self._socket), protocol=2) as redis:
                redis.config_set("appendonly", "yes")
        return self._socket

    def _flush(self, *, always: bool) -> None:
        """Let the server flush its log at each write, or leave that to the system."""
        with Redis(unix_socket_path=str(self._valkey()), protocol=2) as redis:
            redis.config_set("appendfsync", "always" if always else "no")


_FILES: Mapping[str, str] = {"pydocket": "docket"}


def _environment() -> dict[str, str]:
    """Ours without what is set for Prefect, which may be another release where a peer uses it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
