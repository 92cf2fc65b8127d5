"""The versions of agents that a cluster runs: those of the code, less those that a rollout has drained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.runtime.journal.database import Database
from agents.runtime.journal.rollouts import latest_of
from agents.runtime.journal.version_use import unfinished_by_version
from agents.runtime.model.upcasting import major_of
from flows.workflows import WORKFLOWS, Workflow


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """A major version of a scenario; new items begin with the current one."""

    scenario: str
    major: int
    is_current: bool

    @property
    def name(self) -> str:
        """The name of its Deployment and of its ScaledObject."""
        return f"consumer-{self.scenario}-v{self.major}"


def of_code(workflows: Mapping[str, Workflow] = WORKFLOWS) -> list[AgentVersion]:
    """All versions that the code has; those of the code's own version are the current ones."""
    return [
        AgentVersion(name, major, major == major_of(workflow.scenario.version))
        for name, workflow in workflows.items()
        for major in workflow.scenario.majors
    ]


async def of_journal(
    database: Database, workflows: Mapping[str, Workflow] = WORKFLOWS
) -> list[AgentVersion]:
    """The versions of the code that an installation needs, by its rollouts.

    A version that a promotion or a roll back has replaced goes once no item and no dead letter is left
    of it. What a rollout has not reached yet stays: the next one needs it, and at zero pods it is free.
    """
    found = list[AgentVersion]()
    for name, workflow in workflows.items():
        majors = workflow.scenario.majors
        rollout = await latest_of(database, name)
        standard = major_of(workflow.scenario.version) if rollout is None else rollout.standard
        use = await unfinished_by_version(database, name, majors)
        replaced = None if rollout is None else rollout.replaced
        found += [
            AgentVersion(name, major, major == standard)
            for major in majors
            if major != replaced or major == standard or not use[major].is_drained
        ]
    return found


def drained(versions: Sequence[AgentVersion]) -> list[AgentVersion]:
    """The versions of the code that are not among `versions`: what a cluster may delete."""
    kept = {one.name for one in versions}
    return [one for one in of_code() if one.name not in kept]
