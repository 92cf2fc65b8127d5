"""Upcasts: JSON that an earlier release stored is converted, version by version, when it is read.

Stored JSON is never rewritten, so a rollback to the release before works.
Source: G. Young, "Versioning in an Event Sourced System", 2017.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from agents.runtime.errors import AgentError

Upcasts = Mapping[str, Callable[[Any], Any]]
"""Version -> function that makes its form, as plain JSON, from the form of the version before."""


class Unreadable(AgentError):
    """Another version of the code stored it, and this one cannot read it."""

    def __init__(self, stored: str, here: str, problem: str) -> None:
        super().__init__(stored, here, problem)
        self.stored, self.here, self.problem = stored, here, problem

    def __str__(self) -> str:
        return f"stored by version {self.stored}, read by {self.here}: {self.problem}"


def read(adapter: TypeAdapter[Any], text: str, stored: str, here: str, upcasts: Upcasts) -> Any:
    """The value in `text`, which version `stored` wrote, as version `here` needs it.

    Within a major version, an older form passes the upcasts, and unknown fields of a newer form are
    left out. Raises Unreadable, always for another major version.
    """
    try:
        return _read(adapter, text, stored, here, upcasts)
    except Unreadable:
        raise
    except ValidationError as error:
        raise Unreadable(stored, here, f"{error.error_count()} fields do not fit") from error
    except Exception as error:  # an upcast may raise anything; only this text is affected
        raise Unreadable(stored, here, f"its upcast failed: {error!r}") from error


def _read(adapter: TypeAdapter[Any], text: str, stored: str, here: str, upcasts: Upcasts) -> Any:
    if stored == here:
        return adapter.validate_json(text)
    if major_of(stored) != major_of(here):
        raise Unreadable(stored, here, "only code of the same major version can read it")
    if ordered(stored) > ordered(here):
        return adapter.validate_json(text, extra="ignore")
    return adapter.validate_json(_upcast(text, stored, upcasts))


def ordered(version: str) -> tuple[int, ...]:
    """A version such as "1.2" as numbers, which sort in the order of releases."""
    return tuple(int(number) for number in version.split("."))


def major_of(version: str) -> int:
    """The major number of a version: 1 of "1.2". Only code of the same major reads what it stored."""
    return ordered(version)[0]


def _upcast(text: str, stored: str, upcasts: Upcasts) -> bytes:
    form = orjson.loads(text)
    for version in sorted(upcasts, key=ordered):
        if ordered(version) > ordered(stored):
            form = upcasts[version](form)
    return orjson.dumps(form)
