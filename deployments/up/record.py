"""What is known of a running installation, in `<data>/up`: its lock, its processes, how they are.

The lock belongs to the supervisor while it lives, and the kernel releases it however it ends. The record
names each process by pid and start time; it is readable by its owner alone and has no secrets.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agents.runtime.errors import AgentError
from deployments.up.processes import Identity, living

FOLDER, LOCK, FILE, LOGS = "up", "up.lock", "up.json", "logs"


class AlreadyUp(AgentError):
    """Another supervisor runs the installation of this data folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        super().__init__(folder, pid)
        self.folder, self.pid = folder, pid

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return (
            f"{self.folder} is up already, by {who}: see it with --status, stop it with --down, "
            "or set AGENT_FLOWS_DATA to another folder"
        )


@dataclass(slots=True)
class Entry:
    """One process: `plan` is the hash of its command and environment, `state` how it is."""

    name: str
    state: str
    pid: int = 0
    started: float = 0.0
    plan: str = ""
    address: str = ""
    restarts: int = 0
    since: float = 0.0
    note: str = ""

    @property
    def identity(self) -> Identity | None:
        """The process, if it has been started."""
        return Identity(self.pid, self.started) if self.pid else None


@dataclass(slots=True)
class Record:
    """The supervisor, and what it runs."""

    form: str
    pid: int = 0
    started: float = 0.0
    ports: dict[str, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    @property
    def supervisor(self) -> Identity | None:
        """The supervisor, if it still runs."""
        identity = Identity(self.pid, self.started)
        return identity if self.pid and living(identity) else None


class Store:
    """The folder `up` of a data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self.folder, self.logs = self.data / FOLDER, self.data / LOGS

    def prepare(self) -> None:
        """Make the folders. Raises OSError."""
        for folder in (self.folder, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within the block no other supervisor runs this installation. Raises AlreadyUp."""
        with (self.folder / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found = self.read()
                raise AlreadyUp(self.data, found.pid if found else None) from None
            yield

    def read(self) -> Record | None:
        """The record, if there is a readable one."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            written: dict[str, Any] = json.loads((self.folder / FILE).read_text("utf-8"))
            entries = [Entry(**one) for one in written.pop("entries")]
            return Record(entries=entries, **written)
        return None

    def write(self, record: Record) -> None:
        """Replace the record, whole or not at all."""
        draft = self.folder / f"{FILE}.{os.getpid()}"
        draft.touch(0o600)
        draft.write_text(json.dumps(asdict(record)), "utf-8")
        draft.replace(self.folder / FILE)

    def remove(self) -> None:
        """Forget the processes, which have ended."""
        (self.folder / FILE).unlink(missing_ok=True)

    def log(self, name: str) -> Path:
        """The file to which the process of this name writes."""
        return self.logs / f"{name}.log"
