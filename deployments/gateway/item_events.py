"""The events of one item as people and programs see them, without personal data."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field, PlainSerializer
from sqlalchemy import Row

from agents.runtime.redaction import redacted

_OF_REQUESTS = {"request", "fingerprint"}


def _as_text(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


Moment = Annotated[float, PlainSerializer(_as_text, return_type=datetime, when_used="json")]
"""Seconds since 1970; in JSON a time as of RFC 3339."""


class Happening(BaseModel):
    """One event of the time line."""

    sequence: int
    at: Moment
    after: float | None = Field(description="seconds since the event before it")
    event: str
    source: str | None = Field(description="the state before it")
    state: str
    by: str = Field("", description="the person who acted")
    reason: str = ""
    facts: dict[str, Any] = Field({}, description="what else is known of it")
    process: str = ""
    flow_run: str = ""


def timeline(events: Sequence[Row[Any]], most: int) -> Iterator[Happening]:
    """The first `most` events, the newest first; each knows the time since the one before it."""
    for place, row in enumerate(events[:most]):
        yield happening(row, events[place + 1].at if place + 1 < len(events) else None)


def happening(row: Row[Any], before: float | None) -> Happening:
    """An event of the history; `before` is the time of the event before it."""
    process, _, run = (row.owner or "").partition("@")
    facts = json_of(row.detail)
    by, reason = facts.pop("by", ""), facts.pop("reason", "")
    return Happening(
        sequence=row.sequence,
        at=row.at,
        after=None if before is None else row.at - before,
        event=row.event,
        source=row.source,
        state=row.target,
        by=by,
        reason=redacted(reason),
        facts={name: value for name, value in facts.items() if name not in _OF_REQUESTS},
        process=process,
        flow_run=run,
    )


def json_of(text: str | None) -> dict[str, Any]:
    """What is known of an event: an object, or a plain text, which is its reason."""
    if not text:
        return {}
    try:
        found = orjson.loads(redacted(text))
    except orjson.JSONDecodeError:
        return {"reason": text}
    return found if isinstance(found, dict) else {"reason": text}
