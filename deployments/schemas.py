"""Compares all schemas that others depend on with those of the last release.

    uv run python -m deployments.schemas            # what this code breaks, and what to do
    uv run python -m deployments.schemas --write    # at a release: these are the released ones now

A schema may only break if its version allows it: a request or a response by a dated `Change` of its
workflow, what is stored by a raised version with an upcast, or by a new major version beside the old one.
`deployments.check` runs the comparison.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from agents.runtime.command_line import run_command
from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal.item_events import ItemEnded
from agents.runtime.messaging import RequestReply, Topic
from agents.runtime.model.upcasting import Upcasts, ordered
from agents.shop import contracts
from agents.workflow.webhook_delivery import WebhookEvent
from deployments import route_schemas
from deployments.compatibility import ABOUT, Break, Use, breaks
from flows.workflows import WORKFLOWS, Workflow

RELEASED = Path(__file__).parent / "released_schemas.json"
USES = {
    "request": Use.REQUEST,
    "response": Use.RESPONSE,
    "payload": Use.STORED,
    "fact": Use.STORED,
    "message": Use.STORED,
    route_schemas.PARAMETERS: Use.REQUEST,
    route_schemas.BODY: Use.REQUEST,
    route_schemas.ANSWER: Use.RESPONSE,
}
UNVERSIONED = (route_schemas.PARAMETERS, route_schemas.BODY, route_schemas.ANSWER)


@dataclass(frozen=True, slots=True)
class Entry:
    """One schema that others depend on.

    Args:
        version: The version of what has it: a date for requests and responses, else as "1.2".
        schema: The JSON schema.
        conversions: The versions to which something converts from the version before.
        sunsets: Dated version -> the day until which the one before it was promised to work.

    """

    version: str
    schema: Any
    conversions: tuple[str, ...] = ()
    sunsets: Mapping[str, str] = field(default_factory=dict)


Entries = Mapping[str, Entry]
"""Kind and name, such as "fact/reserve_stock" -> the entry."""


def current() -> dict[str, Entry]:
    """The entries of this code."""
    found = dict(_payloads()) | dict(_facts()) | dict(_messages()) | dict(_routes())
    return {name: found[name] for name in sorted(found)}


def released(text: bytes) -> dict[str, Entry]:
    """The entries of a file that `written` made."""
    found = {}
    for name, entry in orjson.loads(text).items():
        conversions = tuple(entry.pop("conversions", ()))
        found[name] = Entry(**entry, conversions=conversions)
    return found


def written(entries: Entries) -> bytes:
    """The entries as JSON, each on a line, so that a difference of the file names what changed."""
    lines = [
        orjson.dumps(name) + b":" + orjson.dumps(_filled(entry), option=orjson.OPT_SORT_KEYS)
        for name, entry in sorted(entries.items())
    ]
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def _filled(entry: Entry) -> dict[str, Any]:
    """The entry without what is empty."""
    named = {"version": entry.version, "schema": entry.schema}
    more = {"conversions": entry.conversions, "sunsets": entry.sunsets}
    return named | {name: value for name, value in more.items() if value}


def problems(before: Entries, after: Entries, today: date) -> list[str]:
    """What a release of `after` breaks for users and data of `before`, one line each."""
    return [
        line for name in before for line in _of_entry(name, before[name], after.get(name), today)
    ]


def _of_entry(name: str, before: Entry, after: Entry | None, today: date) -> Iterator[str]:
    if after is None:
        yield f"{name}: is gone; keep it until nobody has it, then take its line out of {RELEASED.name}"
        return
    yield from _removed_versions(name, before, after, today)
    found = breaks(before.schema, after.schema, USES[name.partition("/")[0]])
    if found and not _is_allowed(name, before, after, found):
        yield from (f"{name}: {one}; {_advice(name, one)}" for one in found)


def _removed_versions(name: str, before: Entry, after: Entry, today: date) -> Iterator[str]:
    for version, sunset in before.sunsets.items():
        if version not in after.sunsets and (not sunset or date.fromisoformat(sunset) > today):
            until = f"is promised until {sunset}" if sunset else "has no sunset yet"
            yield f"{name}: the change of {version} is removed, but the version before it {until}"


def _is_allowed(name: str, before: Entry, after: Entry, found: list[Break]) -> bool:
    if name.startswith(UNVERSIONED):
        return False
    if name.startswith(("request/", "response/")):
        return after.version > before.version
    old, new = ordered(before.version), ordered(after.version)
    if new[0] > old[0]:
        return True
    converts = any(old < ordered(version) <= new for version in after.conversions)
    return new > old and (converts or all(one.is_gain for one in found))


def _advice(name: str, found: Break) -> str:
    if name.startswith(UNVERSIONED):
        return "keep it: a route has no versions, but may get another field, or another route beside it"
    if name.startswith(("request/", "response/")):
        return "keep it, or declare a Change with a new date in the workflow's `api`"
    if found.is_gain:
        return "raise the minor version, so that the release before leaves it out"
    return "keep it, or raise the minor version and give an upcast, or begin a new major version"


def _payloads() -> Iterator[tuple[str, Entry]]:
    event = _schema(TypeAdapter(WebhookEvent), "serialization")
    for name, workflow in WORKFLOWS.items():
        scenario = workflow.scenario
        adapter = TypeAdapter(scenario.payload)
        upcasts = tuple(scenario.upcasts)
        taken, given = _schema(adapter), _schema(adapter, "serialization")
        yield f"payload/{name}", Entry(scenario.version, taken, upcasts)
        yield f"response/{name}", _dated(workflow, given)
        yield f"response/{name}.event", _dated(workflow, event)
        if scenario.validate is not None:
            yield f"request/{name}", _dated(workflow, taken)


def _dated(workflow: Workflow, schema: Any) -> Entry:
    sunsets = {one.version: one.sunset.isoformat() if one.sunset else "" for one in workflow.api}
    return Entry(max(sunsets, default=""), schema, sunsets=sunsets)


def _facts() -> Iterator[tuple[str, Entry]]:
    for workflow in WORKFLOWS.values():
        _ = workflow.process, workflow.notifier()  # their modules have the agents
    for agent in AGENTS.values():
        upcasts = tuple(agent.upcasts)
        yield f"fact/{agent.name}", Entry(agent.version, _schema(agent.fact_adapter), upcasts)


def _messages() -> Iterator[tuple[str, Entry]]:
    topics: list[Topic[Any]] = [Topic("*.ended", ItemEnded)]
    for value in vars(contracts).values():
        if isinstance(value, RequestReply):
            topics += [value.question, value.answer]
    for topic in topics:
        yield f"message/{topic.name}", _message(topic.version, topic.model, topic.upcasts)


def _routes() -> Iterator[tuple[str, Entry]]:
    for name, schema in route_schemas.route_schemas():
        yield name, Entry("", _bare(schema))


def _message(version: str, model: Any, upcasts: Upcasts) -> Entry:
    return Entry(version, _schema(TypeAdapter(model)), tuple(upcasts))


def _schema(adapter: TypeAdapter[Any], mode: Any = "validation") -> Any:
    return _bare(adapter.json_schema(mode=mode))


def _bare(schema: Any, *, names: bool = False) -> Any:
    """The schema without what only describes; with `names` the keys are names, not keywords."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _bare(value, names=not names and key in {"properties", "$defs"})
        for key, value in schema.items()
        if names or key not in ABOUT
    }


def found_problems() -> list[str]:
    """What this code breaks of the last release, one line each."""
    return problems(released(RELEASED.read_bytes()), current(), datetime.now(UTC).date())


def main() -> int:
    """Print what breaks; with --write, write the file unless something does. Returns 1 if something does."""
    found = found_problems() if RELEASED.exists() else []
    if not found and "--write" in sys.argv[1:]:
        RELEASED.write_bytes(written(current()))
    print("\n".join(found) or "the schemas are compatible with those of the last release")
    return int(bool(found))


if __name__ == "__main__":
    run_command(main)
