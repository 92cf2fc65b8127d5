"""Which cloud gets the work: where the data may be is a hard rule, then health, then cost.

Pure functions on data: no server is asked and no clock is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["process", "kubernetes", "containers", "push"]
"""How flow runs of a cloud are started: see Cloud.pool_type."""

KINDS: tuple[Kind, ...] = ("process", "kubernetes", "containers", "push")
CONTAINERS = frozenset({"containers", "push"})  # kinds that not every cloud has


@dataclass(frozen=True, slots=True)
class Cloud:
    """A place with machines. Its work pool has its name.

    `area` is the jurisdiction of its machines, `hour` what one consumer costs there in US dollars an
    hour. `containers` is Prefect's type for containers without a cluster, empty where Prefect has none,
    and `variables` are the defaults of its job template.
    """

    name: str
    area: str
    hour: float
    containers: str = ""
    variables: tuple[tuple[str, str | int | float], ...] = ()
    limit: int = 8

    def pool_type(self, kind: Kind) -> str:
        """The type of the work pool.

        `process`: on the machine of the worker; `kubernetes`: jobs of a cluster; `containers`: started
        by a worker of ours; `push`: started by Prefect Cloud, which a server of one's own cannot do.
        """
        if kind not in CONTAINERS:
            return kind
        return self.containers if kind == "containers" else f"{self.containers}:push"


@dataclass(frozen=True, slots=True)
class DataPlace:
    """Where the data of a scenario are, and where they may go.

    `areas` are the jurisdictions that may process them, all if it is empty. A consumer in another cloud
    than `cloud` moves `gigabytes` an hour, each for `price` US dollars.
    """

    cloud: str = ""
    areas: frozenset[str] = frozenset()
    gigabytes: float = 0.0
    price: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a cloud can take work now; `reason` says why not."""

    is_ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says of one cloud: its cost in US dollars an hour, or why it gets nothing."""

    cloud: str
    cost: float
    refused: str = ""


NOT_KNOWN = Health(is_ready=False, reason="its pool does not exist")


def place(
    data: DataPlace, clouds: Sequence[Cloud], health: Mapping[str, Health]
) -> tuple[Verdict, ...]:
    """A verdict for each cloud: those that may take the work first, the cheapest of them at the front.

    A cloud outside of the areas is refused however healthy or cheap it is, and one that is not ready or
    of which nothing is known gets nothing. Of equal costs the cloud that is declared first comes first.
    """
    verdicts = [_verdict(data, cloud, health.get(cloud.name, NOT_KNOWN)) for cloud in clouds]
    return tuple(sorted(verdicts, key=lambda one: (bool(one.refused), one.cost)))


def chosen(verdicts: Sequence[Verdict]) -> str | None:
    """The cloud that gets the work; None if no cloud may have it."""
    return next((one.cloud for one in verdicts if not one.refused), None)


def cost_of(data: DataPlace, cloud: Cloud) -> float:
    """US dollars an hour for one consumer there, with the data that it moves."""
    moved = 0.0 if cloud.name == data.cloud else data.gigabytes * data.price
    return cloud.hour + moved


def _verdict(data: DataPlace, cloud: Cloud, health: Health) -> Verdict:
    cost = cost_of(data, cloud)
    if data.areas and cloud.area not in data.areas:
        allowed = ", ".join(sorted(data.areas))
        return Verdict(
            cloud.name, cost, f"is in {cloud.area}, and the data may be in {allowed} only"
        )
    return Verdict(cloud.name, cost, "" if health.is_ready else health.reason or "not ready")
