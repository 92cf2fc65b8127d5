"""What the status in an answer means: done, not finished, or something else than what was asked."""

from collections.abc import Collection

from agents.runtime.errors import Pending, WrongOutcome

UNFINISHED = frozenset({"pending", "processing", "requires_action"})


def require_status(what: str, status: str, wanted: Collection[str]) -> None:
    """Raise Pending while the other side works on it, and WrongOutcome for any status but `wanted`."""
    if status in UNFINISHED:
        raise Pending(f"{what} is {status}")
    if status not in wanted:
        raise WrongOutcome(f"{what} is {status}, not {' or '.join(sorted(wanted))}")
