"""What a child of the nursery is asked to do, and how that ended: the words of both sides."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Job = Literal["process", "consume", "reconcile", "cancel", "analyse"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a flow in a process of its own; paths are strings, they travel as JSON.

    `orders`, `stock` and `faults` are of order processing, `study` is the folder of data analysis.
    `points` names fault points, at which hit to act and the signal the child then sends itself.
    `seconds` is when it is killed from outside. The names and counts of all hits go to `hits`.
    `full` is how many KiB a file may have at most, `files` how many may be open; 0 is no limit.
    """

    data: str
    journal: str
    folder: str
    orders: str = ""
    stock: str = ""
    faults: str = ""
    study: str = ""
    job: Job = "process"
    batch: int = 4
    lease: float = 1.0
    points: dict[str, tuple[int, str]] = field(default_factory=dict)
    seconds: float | None = None
    hits: str | None = None
    full: int = 0
    files: int = 0

    def as_json(self) -> dict[str, Any]:
        """As it travels."""
        return asdict(self)


def run_of(told: dict[str, Any]) -> Run:
    """The run as it was told."""
    points = {name: (int(hit), str(how)) for name, (hit, how) in told["points"].items()}
    return Run(**(told | {"points": points}))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: by its own exit code or by a signal, at `at` on the monotonic clock."""

    pid: int
    code: int | None
    signal: str | None
    seconds: float
    at: float

    @property
    def killed(self) -> bool:
        """Whether it died by kill -9."""
        return self.signal == "SIGKILL"

    def __str__(self) -> str:
        return self.signal or f"exit {self.code}"


def line(message: dict[str, Any]) -> bytes:
    """One message as one line."""
    return json.dumps(message).encode() + b"\n"
