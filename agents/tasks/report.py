"""What a run of a workflow says at its end: how all of its tasks stand."""

from collections.abc import Sequence
from typing import Self

from agents.runtime import RunStats
from agents.tasks.scenario import TASKS
from agents.tasks.view import ASKS, TaskView
from agents.workflow.exit_status import ExitStatus
from agents.workflow.report import MAIN_REASONS, RunReport

GOOD = {"done", "skipped"}


class WorkflowReport(RunReport):
    """The tasks of one workflow by how they stand, of this run and of earlier ones."""

    @classmethod
    def of_tasks(cls, workflow: str, tasks: Sequence[TaskView], seconds: float) -> Self:
        """The report on these tasks, after a run of `seconds`."""
        stats = RunStats()
        for task in tasks:
            stats.count(task.word, task.reason)
        return cls(
            noun=TASKS.name,
            source=workflow,
            dead=stats.outcomes["dead-lettered"],
            asked=stats.outcomes[ASKS],
            items=len(tasks),
            outcomes={"done": 0} | stats.outcomes,
            reasons={word: dict(c.most_common(MAIN_REASONS)) for word, c in stats.reasons.items()},
            messages={},
            seconds=seconds,
        )

    def status(self) -> int:
        """The exit status of its command: 0 if every task is done or skipped."""
        return ExitStatus.DONE if self._good == self.items else ExitStatus.FAILED

    def problem(self) -> str:
        """How many tasks are not done, in one line; empty if all are."""
        left = self.items - self._good
        return f"{left:,} of {self.items:,} tasks of {self.source} are not done" if left else ""

    @property
    def _good(self) -> int:
        return sum(self.outcomes.get(word, 0) for word in GOOD)
