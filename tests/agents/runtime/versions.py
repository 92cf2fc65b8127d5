"""A scenario with two major versions: the second has other steps, and both make the same effect."""

from dataclasses import dataclass, field, replace

from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import major_of
from tests.agents.runtime.jobs import (
    JOBS,
    AnyAgent,
    Job,
    Killed,
    Made,
    Provider,
    effect_of,
    jobs,
    submissions,
)

SECOND = replace(JOBS, version="2")
BOTH = replace(JOBS, others=(SECOND,))


@dataclass
class Steps:
    """The steps of both versions: `make`, and then one of its own; `seen` are the keys that passed it.

    The process crashes in the own step while `crashes` is true.
    """

    provider: Provider
    crashes: bool = False
    seen: dict[int, list[str]] = field(default_factory=lambda: {1: [], 2: []})
    sizes: dict[int, list[int]] = field(default_factory=lambda: {1: [], 2: []})

    def __post_init__(self) -> None:
        self._make = effect_of(self.provider)
        self._own = {1: self._named("weigh", 1), 2: self._named("measure", 2)}

    def _named(self, name: str, major: int) -> AnyAgent:
        def own(job: Job, _made: Made) -> None:
            if self.crashes:
                raise Killed
            self.seen[major].append(job.key)

        own.__name__ = name
        return agent(PURE)(own)

    async def process(self, batch: Batch) -> None:
        """Take a batch through the steps of its version."""
        major = major_of(batch.context.scenario.version)
        self.sizes[major].append(batch.count)
        async with saga(batch):
            await self._own[major](await self._make(batch))


async def enqueue(scenario: Scenario, first: int, last: int) -> None:
    """Put jobs with these numbers into the queue."""
    intake = Intake(scenario, RunStats(), lambda _rejection: None)
    async for _ in intake.queued(submissions(jobs(last)[first:]), 256):
        pass
