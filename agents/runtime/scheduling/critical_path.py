"""The critical path: how long the longest chain of work behind each task is."""

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

from agents.runtime.errors import AgentError

MOST_NAMED = 10
STEP = 0.02  # of the longest tail

Name = TypeVar("Name", bound=Hashable)


class NotAGraph(AgentError):
    """Tasks that need each other in a circle, or need a task that is not there."""

    def __init__(self, reason: str, names: Collection[object]) -> None:
        super().__init__(reason, names)
        self.reason, self.names = reason, tuple(map(str, names))

    def __str__(self) -> str:
        more = len(self.names) - MOST_NAMED
        return (
            f"{self.reason}: {', '.join(self.names[:MOST_NAMED])}{f' and {more} more' * (more > 0)}"
        )


def tails(
    durations: Mapping[Name, float], needs: Mapping[Name, Collection[Name]]
) -> dict[Name, float]:
    """Of each task, the longest sum of durations from its start to the end of everything.

    The task with the greatest tail goes first: no schedule ends before its chain has.
    Time and memory are linear in tasks and needs.

    Args:
        durations: Of each task, the seconds that it is expected to take.
        needs: Of each task, those that must end before it; a task that is not here needs none.

    Raises:
        NotAGraph: For a circle, and for a task without a duration.

    Source: J. Kelley, M. Walker, "Critical-path planning and scheduling", 1959.

    """
    waiting, unknown = _followers(durations, needs)
    if unknown:
        raise NotAGraph("these tasks are needed, or need others, but are not there", unknown)
    found = {name: float(seconds) for name, seconds in durations.items()}
    ready = [name for name, followers in waiting.items() if not followers]
    done = 0
    while ready:
        name = ready.pop()
        done += 1
        for needed in set(needs.get(name, ())):
            found[needed] = max(found[needed], durations[needed] + found[name])
            waiting[needed] -= 1
            if not waiting[needed]:
                ready.append(needed)
    if done < len(found):
        circle = _circle(waiting, needs)
        raise NotAGraph("these tasks need each other in a circle", circle)
    return found


def in_steps(found: Mapping[Name, float]) -> dict[Name, float]:
    """The tails on a grid of 2 % of the longest one, so that those that hardly differ are equal.

    Which of them goes first hardly changes when everything ends, and a forecast seldom knows. So they
    go as they become ready, which cannot be worse than first in, first out.
    """
    step = STEP * max(found.values(), default=0.0)
    return {name: round(tail / step) * step if step else tail for name, tail in found.items()}


def _followers(
    durations: Mapping[Name, float], needs: Mapping[Name, Collection[Name]]
) -> tuple[dict[Name, int], list[Name]]:
    """How many tasks need each one, and the names without a duration."""
    followers = dict.fromkeys(durations, 0)
    unknown: dict[Name, None] = {name: None for name in needs if name not in durations}
    for needed in (one for several in needs.values() for one in set(several)):
        if needed in followers:
            followers[needed] += 1
        else:
            unknown[needed] = None
    return followers, list(unknown)


def _circle(waiting: Mapping[Name, int], needs: Mapping[Name, Collection[Name]]) -> list[Name]:
    """The names of one circle, in the order in which they need each other.

    A task that still waits for a follower has one that waits too, so following them must come back.
    """
    following = {
        needed: name
        for name, several in needs.items()
        if waiting[name]
        for needed in several
        if waiting[needed]
    }
    passed: dict[Name, int] = {}
    name = next(iter(following))
    while name not in passed:
        passed[name] = len(passed)
        name = following[name]
    return list(passed)[passed[name] :][::-1]
