"""The errors of agents; the class alone determines what happens to the work item."""

from datetime import timedelta


class AgentError(Exception):
    """Root of all errors that are raised on purpose."""


class TransientError(AgentError):
    """Nothing happened and a retry may help; the agent is retried with back-off.

    `retry_after` is the wait in seconds that the other side asked for, if it asked.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after)
        self.reason, self.retry_after = reason, retry_after

    def __str__(self) -> str:
        return self.reason


class UnknownOutcome(TransientError):
    """The effect may have happened; it is settled first, as its agent declares."""


class Pending(UnknownOutcome):
    """The other side has accepted the effect and has not finished it: it is looked up again.

    That costs no attempt. The effect may take `within` from its intent on; after that the item
    becomes a dead letter.
    """

    def __init__(self, reason: str, within: timedelta = timedelta(days=1)) -> None:
        super().__init__(reason)
        self.within = within


class KeySpent(UnknownOutcome):
    """The provider repeats a stored failure under this key and never runs a call with it again.

    If a look-up finds that nothing happened, the next attempt has another key.
    """


class PermanentError(AgentError):
    """A retry cannot help; the item's effects are compensated."""


class WrongOutcome(PermanentError):
    """The effect happened, but not as it was asked for; it is compensated with the others."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Parked(AgentError):
    """The item waits for an operator; while it waits, no process holds it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Conflict(PermanentError):
    """The same key was accepted earlier with another body."""

    def __init__(self, scenario: str, key: str) -> None:
        super().__init__(scenario, key)
        self.scenario, self.key = scenario, key

    def __str__(self) -> str:
        return (
            f"{self.scenario} {self.key!r} was accepted before with another body: "
            "submit a changed item under a new key"
        )


class IllegalTransition(AgentError):
    """The item's state does not allow the event; the item is unchanged."""

    def __init__(self, item: str, state: str, event: str) -> None:
        super().__init__(item, state, event)
        self.item, self.state, self.event = item, state, event

    def __str__(self) -> str:
        return f"item {self.item} is {self.state}: '{self.event}' is not allowed in this state"


class SettingsError(AgentError):
    """The settings are invalid; `problems` are all of them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "cannot start, correct these settings:\n" + "\n".join(
            f"- {p}" for p in self.problems
        )


class DataFolderError(AgentError):
    """The data folder cannot be used."""

    def __init__(self, folder: str, problem: str) -> None:
        super().__init__(folder, problem)
        self.folder, self.problem = folder, problem

    def __str__(self) -> str:
        return (
            f"the data folder {self.folder} cannot be used: {self.problem}: "
            "make it a folder that this user can write to, or set AGENT_FLOWS_DATA to another one"
        )


class MissingExtra(AgentError, SystemExit):
    """An optional part of the installation is needed and missing.

    As a SystemExit, a failed import ends a command with this message instead of a stack trace.
    """

    def __init__(self, extra: str) -> None:
        super().__init__(extra)
        self.extra = extra
        self.code = f"error: {self}"

    def __str__(self) -> str:
        return (
            f"packages of the extra '{self.extra}' are not installed: "
            f"run `uv sync --inexact --extra {self.extra}`"
        )
