"""The functions as data: which workflow, what starts it, how much memory and how long it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from agents.runtime.errors import AgentError
from agents.runtime.settings import settings


class Trigger(StrEnum):
    """What starts an invocation: a request, a message of a queue, or the time."""

    HTTP = "http"
    QUEUE = "queue"
    SCHEDULE = "schedule"


EVERY = (Trigger.HTTP, Trigger.QUEUE, Trigger.SCHEDULE)

# The longest time-outs in seconds, of what all three triggers allow.
# AWS: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; Google, of events:
# cloud.google.com/run/docs/functions/comparison; Azure, an answer to a request:
# learn.microsoft.com/azure/azure-functions/functions-scale#timeout
LONGEST = {"aws": 900.0, "google": 540.0, "azure": 230.0}
LEASE_MARGIN = 5.0  # seconds for which a lease outlives its function's time-out
LEAST_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Function:
    """One function: it works on the queue of `workflow` for at most `timeout` seconds an invocation.

    Templates register exactly this time-out. `buffer` are the seconds before it in which an invocation
    hands back what it could not finish and answers. It claims up to `batch` items, `at_once` times.
    Raises ValueError for what no provider can run.
    """

    name: str
    workflow: str
    triggers: tuple[Trigger, ...] = EVERY
    memory_mb: int = 512
    timeout: float = 60.0
    buffer: float = 3.0
    batch: int = 64
    at_once: int = 2

    def __post_init__(self) -> None:
        """Refuse a time-out that a provider refuses, and one that leaves no time to work."""
        if not LEAST_TIMEOUT <= self.timeout <= min(LONGEST.values()):
            raise ValueError(f"{self.name}: timeout must be 1 to {min(LONGEST.values()):g} s")
        if not 0 < self.buffer < self.timeout / 2:
            raise ValueError(f"{self.name}: buffer must be less than half of the time-out")

    @property
    def lease_seconds(self) -> float:
        """The lease of an invocation. It outlives the time-out, so nobody takes over what it may still do."""
        return self.timeout + LEASE_MARGIN


FUNCTIONS: Mapping[str, Function] = {
    one.name: one
    for one in (
        Function("orders", "orders"),
        Function("changes", "changes", (Trigger.QUEUE, Trigger.SCHEDULE), timeout=30.0),
    )
}
"""Add a line for a workflow of your own; then write the templates again (README.md)."""


class UnknownFunction(AgentError):
    """AGENT_FLOWS_FUNCTION names no declared function."""

    def __init__(self, name: str | None) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        known = ", ".join(FUNCTIONS)
        return f"AGENT_FLOWS_FUNCTION is {self.name!r}: set it to one of {known}"


def deployed() -> Function:
    """The function that this process runs. Raises UnknownFunction, SettingsError."""
    name = settings().function
    if name is None or name not in FUNCTIONS:
        raise UnknownFunction(name)
    return FUNCTIONS[name]
