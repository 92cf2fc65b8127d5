"""Where stories run and how much of the outside world they may use at once, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """An urgency within a pool: priority 1 is served first; `limit` flow runs at once."""

    name: str
    priority: int
    limit: int


@dataclass(frozen=True, slots=True)
class Pool:
    """A kind of machine; `limit` flow runs at once over all its queues."""

    name: str
    type: str
    limit: int
    description: str
    queues: tuple[Queue, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """Calls to one outside system at once, over all processes; no less than one agent makes."""

    name: str
    slots: int


# Few flow runs with many items: 16 at once already lock Prefect's SQLite database.
POOLS = (
    Pool(
        name="default",
        type="process",
        limit=8,
        description="Processes on the worker's own machine.",
        queues=(
            Queue("urgent", priority=1, limit=4),
            Queue("orders", priority=10, limit=4),
            Queue("bulk", priority=20, limit=2),
        ),
    ),
)

LIMITS = (
    Limit("inventory", slots=64),
    Limit("payments", slots=64),
    Limit("carriers", slots=64),
    Limit("notifications", slots=32),
)
