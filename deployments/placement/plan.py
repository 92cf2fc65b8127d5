"""What to start and what to end, so that the consumers are where the policy wants them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Stage(StrEnum):
    """How far a run is: it waits for a worker, boots, works by the journal, finishes, or is silent."""

    WAITING = "waiting"
    STARTING = "starting"
    WORKING = "working"
    ENDING = "ending"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Served:
    """The consumers of one queue, or of all `without` some.

    `deployment` is the one of prefect.yaml, <flow>/<deployment>, of which each cloud has a copy.
    """

    deployment: str
    scenario: str | None = None
    without: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of their runs."""
        if self.scenario is not None:
            return {"scenario": self.scenario}
        return {"without": [*self.without]}

    def is_of(self, parameters: Mapping[str, object]) -> bool:
        """Whether a run of the deployment's copy is one of them.

        All runs of the copy that consumes the others are: an earlier release may have left out other queues.
        """
        return self.scenario is None or parameters.get("scenario") == self.scenario

    def copy_in(self, cloud: str) -> str:
        """The name of the deployment's copy in the pool of a cloud, <flow>/<deployment>."""
        return f"{self.deployment}-{cloud}"


@dataclass(frozen=True, slots=True)
class Run:
    """A flow run of a consumer that Prefect has not ended."""

    id: UUID
    cloud: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class Plan:
    """`start` consumers to start in `cloud`; runs to end in order; runs that are dead or never began.

    `end` are runs that work: they finish what they hold. `withdraw` are those that nobody runs.
    """

    cloud: str | None
    start: int
    end: tuple[UUID, ...]
    withdraw: tuple[UUID, ...]


def plan(
    cloud: str | None,
    ready: Sequence[str],
    runs: Sequence[Run],
    wanted: int,
    *,
    back: bool,
) -> Plan:
    """The next acts: `wanted` consumers in `cloud`, whose pool is one of the `ready` ones.

    Consumers in other clouds are ended only if `back` is true, and only while as many as wanted work in
    `cloud`: first the new ones, then the old ones away. A run that works by the journal is never
    withdrawn, even where its pool is not ready: it does no harm, and the journal knows what it holds.
    """
    gone = (Stage.ENDING, Stage.SILENT)
    here = [run for run in runs if run.cloud == cloud and run.stage not in gone]
    working = [run for run in here if run.stage is Stage.WORKING]
    others = [run for run in runs if run.cloud != cloud]
    covered = cloud is not None and len(working) >= wanted
    end = [run.id for run in others if run.stage is Stage.WORKING and back and covered]
    withdraw = [run.id for run in runs if run.stage is Stage.SILENT]
    withdraw += [run.id for run in others if _never_began(run, ready, back=back and covered)]
    start = max(0, wanted - len(here)) if cloud is not None else 0
    return Plan(cloud, start, tuple(end), tuple(withdraw))


def _never_began(run: Run, ready: Sequence[str], *, back: bool) -> bool:
    """Whether the run waits where no worker will take it, or where it is no longer wanted."""
    return run.stage is Stage.WAITING and (run.cloud not in ready or back)
