"""What one item waits for, if it has not ended."""

from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Row

from agents.runtime.journal import Journal
from agents.runtime.journal.dependencies import needed_by
from agents.runtime.journal.queries import ItemHistory
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.redaction import redacted
from deployments.gateway.item_events import Moment

MOST_NEEDS = 20  # items that are named of those that one waits for


class Wait(BaseModel):
    """What an item that has not ended waits for.

    `queue`: a consumer, once those are done that it `needs`; `process`: the process that works on it;
    `retry`: the next attempt of `agent`; `provider`: an outside system that has not said what became of
    a call; `person`: somebody's decision.
    """

    kind: Literal["queue", "process", "retry", "provider", "person"]
    since: Moment | None = None
    until: Moment | None = Field(None, description="when it goes on, or is undone, by itself")
    agent: str = ""
    reason: str = ""
    process: str = ""
    needs: list[str] = Field([], description="the keys of items that must be done first")


def wait_of(found: ItemHistory) -> Wait | None:
    """What the item waits for; None if it has ended."""
    item, letter = found.item, found.letter
    if letter is not None and letter.status == "open":
        reason = redacted(letter.error)
        return Wait(kind="person", since=letter.at, agent=letter.agent, reason=reason)
    if item.state in ENDED:
        return None
    if item.owner is not None:
        return _of_process(item)
    open_steps = [step for step in found.steps if step.status in {"waiting", "delayed"}]
    step = open_steps[-1] if open_steps else None
    about = {"agent": step.agent, "reason": redacted(step.error or "")} if step else {}
    if item.waiting_since is not None:
        until = item.retry_at or item.deadline
        return Wait(kind="person", since=item.waiting_since, until=until, **about)
    if item.retry_at is not None:
        unknown = {row.agent for row in found.effects if row.status == "intended"}
        is_provider = step is not None and step.agent in unknown
        return Wait(kind="provider" if is_provider else "retry", until=item.retry_at, **about)
    return Wait(kind="queue", since=found.history[0].at if found.history else item.accepted_at)


def _of_process(item: Row[Any]) -> Wait:
    reason = "" if item.is_held else "the process has ended; another one will take the item over"
    return Wait(kind="process", process=item.owner, reason=reason)


async def needed_items(journal: Journal, found: ItemHistory) -> list[str]:
    """The keys of some of the items that this one waits for."""
    needs = (await needed_by(journal.database, [found.item.id])).get(found.item.id, [])
    return [row.key for row in needs[:MOST_NEEDS]]
