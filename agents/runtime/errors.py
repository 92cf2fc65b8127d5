"""The ways an agent may fail; what happens to the work item follows from the class alone."""


class AgentError(Exception):
    """Root of the errors an agent raises on purpose."""


class TransientError(AgentError):
    """Nothing happened and trying again may help; the agent is retried with back-off.

    `retry_after` is the wait in seconds that the other side asked for, if it did.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after)
        self.reason, self.retry_after = reason, retry_after

    def __str__(self) -> str:
        return self.reason


class UnknownOutcome(TransientError):
    """The effect may have happened; it is settled as its agent declares before anything else."""


class PermanentError(AgentError):
    """Trying again cannot help; the item's effects are compensated."""


class Parked(AgentError):
    """The item waits for a person or a worker; it holds neither worker nor stock meanwhile."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Conflict(PermanentError):
    """The same key was accepted before with another body."""

    def __init__(self, scenario: str, key: str) -> None:
        super().__init__(scenario, key)
        self.scenario, self.key = scenario, key

    def __str__(self) -> str:
        return (
            f"{self.scenario} {self.key!r} was accepted before with another body: "
            "send a changed item under a new key"
        )


class IllegalTransition(AgentError):
    """An event that the item's state does not allow; the item is unchanged."""

    def __init__(self, item: str, state: str, event: str) -> None:
        super().__init__(item, state, event)
        self.item, self.state, self.event = item, state, event

    def __str__(self) -> str:
        return f"item {self.item} is {self.state}: '{self.event}' is not allowed from there"


class SettingsError(AgentError):
    """The settings cannot be used; every problem is named at once."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "cannot start, settings to mend:\n" + "\n".join(f"- {p}" for p in self.problems)
