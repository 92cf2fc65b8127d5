"""The messages between a test and the fork server: the run to start, and how its process exited."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

CLOCK = "clock"  # a file in the folder of a run, whose seconds the clock of SQLite is ahead
Job = Literal["process", "consume", "recover", "cancel", "analyse", "tasks", "returns"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a flow in a process of its own. Paths are strings because a run is sent as JSON.

    `orders`, `stock` and `faults` belong to order processing, `study` is the folder of data analysis,
    `workflow` is a file of tasks, `returns` one of what customers ask for and send back.
    `points` maps a fail point to the hit, counted from 1, and the signal that the child then sends to
    itself. `seconds` is the time after which the parent kills the child. The child writes the names
    and counts of all hits to the file `hits`. `full` limits the size of a file in KiB, `files` the
    number of open files; 0 means no limit.
    """

    data: str
    journal: str
    folder: str
    orders: str = ""
    stock: str = ""
    faults: str = ""
    study: str = ""
    workflow: str = ""
    returns: str = ""
    job: Job = "process"
    batch: int = 4
    lease: float = 1.0
    points: dict[str, tuple[int, str]] = field(default_factory=dict)
    seconds: float | None = None
    hits: str | None = None
    full: int = 0
    files: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        return asdict(self)


def run_from_json(values: dict[str, Any]) -> Run:
    """Return the run that `as_json` has written."""
    points = {name: (int(hit), str(sent)) for name, (hit, sent) in values["points"].items()}
    return Run(**(values | {"points": points}))


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a child exited: with a code or by a signal, at `at` of the monotonic clock."""

    pid: int
    code: int | None
    signal: str | None
    seconds: float
    at: float

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.signal == "SIGKILL"

    def __str__(self) -> str:
        return self.signal or f"exit {self.code}"


def line(message: dict[str, Any]) -> bytes:
    """Return the message as one line of JSON."""
    return json.dumps(message).encode() + b"\n"
