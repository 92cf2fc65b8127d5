"""Dated versions of a workflow's API: one newest model, and pure functions on JSON around it.

A caller keeps the form of the version that it was written for. Its requests pass the upcasts of all
later changes, the oldest first, and the answers pass their downcasts, the newest first.
Source: B. Leach, "APIs as infrastructure: future-proofing Stripe with versioning", 2017.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

Conversion = Callable[[Any], Any]
"""A function on plain JSON, as in `Upcasts`: it changes nothing outside of its result."""


def unchanged(form: Any) -> Any:
    """The conversion that changes nothing."""
    return form


@dataclass(frozen=True, slots=True)
class Change:
    """What a dated version changed in a workflow's items, and in the events about them.

    Args:
        version: The date of the version, such as "2026-11-29".
        summary: What changed, in one sentence for the users of the version before.
        upcast: Makes a body of this version from one of the version before, as in `Upcasts`. It gets
            what a caller sent, of any form, and raises what the scenario's `validate` raises.
        downcast: Makes a body of the version before from one of this version.
        downcast_event: The same for what an event says of an item, such as its state and outcome.
        deprecated: Since when the version before is deprecated; None: it is not.
        sunset: When the version before may stop working; None: that is not planned.

    """

    version: str
    summary: str
    upcast: Conversion
    downcast: Conversion
    downcast_event: Conversion = unchanged
    deprecated: date | None = None
    sunset: date | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """What separates a version from the newest: the changes after it, the oldest first."""

    changes: tuple[Change, ...] = ()

    def upcast(self, body: Any) -> Any:
        """The body of a request in the newest form."""
        for change in self.changes:
            body = change.upcast(body)
        return body

    def downcast(self, body: Any) -> Any:
        """A body of the newest form in the form of the version."""
        for change in reversed(self.changes):
            body = change.downcast(body)
        return body

    def downcast_event(self, event: Any) -> Any:
        """What an event says of an item, in the form of the version."""
        for change in reversed(self.changes):
            event = change.downcast_event(event)
        return event

    @property
    def deprecated(self) -> date | None:
        """Since when the version is deprecated, if it is."""
        return min((one.deprecated for one in self.changes if one.deprecated), default=None)

    @property
    def sunset(self) -> date | None:
        """When the version may stop working, if that is planned."""
        return min((one.sunset for one in self.changes if one.sunset), default=None)


def chain_after(version: str, changes: Sequence[Change]) -> Chain:
    """The chain between a version and the newest; `changes` are all of a workflow, in any order."""
    later = [change for change in changes if change.version > version]
    return Chain(tuple(sorted(later, key=lambda change: change.version)))
