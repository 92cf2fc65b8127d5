"""The gate of releases: it refuses what breaks senders, readers or stored data, and passes the rest."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from agents.orders.models import Assessed, Order
from agents.orders.rules import Outcome
from agents.shop.contracts import ChangeResult
from deployments import schemas
from deployments.compatibility import Use, breaks
from deployments.gateway.trust.keys import Keys, Revocation
from deployments.route_schemas import route_schemas
from deployments.schemas import Entry

TODAY = date(2026, 12, 1)
Edit = Callable[[Any], object]


def schema(of: Any, mode: Any = "validation") -> Any:
    return TypeAdapter(of).json_schema(mode=mode)


BEFORE = {
    "request/orders": Entry("2026-11-29", schema(Order), sunsets={"2026-11-29": "2027-11-29"}),
    "response/orders": Entry("2026-11-29", schema(Order, "serialization")),
    "payload/orders": Entry("1", schema(Order)),
    "fact/assess_risk": Entry("1.1", schema(Assessed), conversions=("1.1",)),
    "message/changes.result": Entry("1", schema(ChangeResult)),
    "answer/GET /keys 200": Entry("", schema(Keys, "serialization")),
    "body/POST /keys application/json": Entry("", schema(Revocation)),
    "response/outcome": Entry("2026-11-29", schema(Outcome)),
}


def after(name: str, edit: Edit, **changes: Any) -> list[str]:
    """The problems of a release in which the schema of this name was edited."""
    edited = deepcopy(BEFORE[name])
    edit(edited.schema)
    return schemas.problems(BEFORE, BEFORE | {name: replace(edited, **changes)}, TODAY)


def line(schema: Any) -> Any:
    return schema["$defs"]["Line"]


def drop(schema: Any, name: str) -> None:
    del schema["properties"][name]
    if name in schema.get("required", []):
        schema["required"].remove(name)


def add(schema: Any, name: str, *, required: bool) -> None:
    schema["properties"][name] = {"type": "string"}
    schema["required"] += [name] if required else []


REFUSED: dict[str, tuple[str, Edit, str]] = {
    "a field of a request is gone": (
        "request/orders",
        lambda s: drop(s, "placed_at"),
        "placed_at: is gone",
    ),
    "a field of a request is new and required": (
        "request/orders",
        lambda s: add(line(s), "tax", required=True),
        "lines[].tax: is new and required",
    ),
    "a field of a request becomes required": (
        "request/orders",
        lambda s: s["required"].append("charges"),
        "charges: is now required",
    ),
    "a field of a request has another type": (
        "request/orders",
        lambda s: s["properties"]["total"].update(type="string"),
        "total: no longer integer",
    ),
    "a limit of a request is narrower": (
        "request/orders",
        lambda s: line(s)["properties"]["quantity"].update(maximum=9_999),
        "lines[].quantity: maximum is 9999, it was 10000",
    ),
    "a pattern of a request is another one": (
        "request/orders",
        lambda s: line(s)["properties"]["sku"].update(pattern="^[A-Z]+$"),
        "lines[].sku: pattern",
    ),
    "a default of a request is another one": (
        "request/orders",
        lambda s: s["properties"]["charges"].update(default=1),
        "charges: the default is 1",
    ),
    "null is no longer taken": (
        "request/orders",
        lambda s: s["properties"].update(placed_at={"type": "string", "format": "date-time"}),
        "placed_at: no longer null",
    ),
    "a field of a response is gone": (
        "response/orders",
        lambda s: drop(line(s), "name"),
        "lines[].name: is gone",
    ),
    "a field of a response may be missing": (
        "response/orders",
        lambda s: s["required"].remove("total"),
        "total: may now be missing",
    ),
    "a field of a response may be null": (
        "response/orders",
        lambda s: s["properties"].update(
            currency={"anyOf": [{"type": "string"}, {"type": "null"}]}
        ),
        "currency: newly null",
    ),
    "a response has a value that nobody knows": (
        "response/outcome",
        lambda s: s["enum"].append("lost"),
        "newly the value 'lost'",
    ),
    "a stored field is gone": (
        "payload/orders",
        lambda s: drop(s["$defs"]["Customer"], "email"),
        "customer.email: is gone",
    ),
    "a stored value is no longer read": (
        "message/changes.result",
        lambda s: s["properties"]["outcome"]["enum"].remove("open"),
        "outcome: no longer the value 'open'",
    ),
    "a fact has a field that the release before refuses": (
        "fact/assess_risk",
        lambda s: add(s, "model", required=False),
        "model: is new: the release before refuses it",
    ),
    "elements of a fact have another type": (
        "fact/assess_risk",
        lambda s: s["properties"]["reasons"]["items"].update(type="integer"),
        "reasons[]: no longer string",
    ),
    "a message takes one value where it took any": (
        "message/changes.result",
        lambda s: s["properties"].update(rule={"const": "none"}),
        "rule: values are no longer free",
    ),
    "a field of a route's answer is gone": (
        "answer/GET /keys 200",
        lambda s: drop(s["$defs"]["Key"], "in_use"),
        "keys[].in_use: is gone; keep it: a route has no versions",
    ),
    "a route takes less": (
        "body/POST /keys application/json",
        lambda s: s["properties"]["reason"].update(maxLength=100),
        "reason: maxLength is 100, it was 500",
    ),
    "a rule is added that is not known here": (
        "request/orders",
        lambda s: s["properties"]["lines"].update(uniqueItems=True),
        "lines: uniqueItems is another one",
    ),
}

HARMLESS: dict[str, tuple[str, Edit]] = {
    "a field of a request is new and optional": (
        "request/orders",
        lambda s: add(line(s), "note", required=False),
    ),
    "a field of a request becomes optional": (
        "request/orders",
        lambda s: s["required"].remove("payment_method"),
    ),
    "a limit of a request is wider": (
        "request/orders",
        lambda s: line(s)["properties"]["quantity"].update(maximum=20_000),
    ),
    "a limit of a request is written in another way": (
        "request/orders",
        lambda s: (
            line(s)["properties"]["quantity"].pop("exclusiveMinimum"),
            line(s)["properties"]["quantity"].update(minimum=1),
        ),
    ),
    "a limit has no effect on the type that it stands at": (
        "request/orders",
        lambda s: s["properties"]["customer"].update(maxLength=3),
    ),
    "a pattern of a request is gone": (
        "request/orders",
        lambda s: line(s)["properties"]["sku"].pop("pattern"),
    ),
    "a request takes null too": (
        "request/orders",
        lambda s: s["properties"].update(
            payment_method={"anyOf": [s["properties"]["payment_method"], {"type": "null"}]}
        ),
    ),
    "an integer of a request may be any number": (
        "request/orders",
        lambda s: line(s)["properties"]["quantity"].update(type="number"),
    ),
    "a model has another name": (
        "request/orders",
        lambda s: (
            s["$defs"].update(Row=s["$defs"].pop("Line")),
            s["properties"]["lines"].update(items={"$ref": "#/$defs/Row"}),
        ),
    ),
    "a field is described": (
        "request/orders",
        lambda s: s["properties"]["total"].update(description="In minor units", examples=[5]),
    ),
    "a field of a response is new": (
        "response/orders",
        lambda s: add(s, "weight", required=True),
    ),
    "a field of a response is never null any more": (
        "response/orders",
        lambda s: s["properties"].update(placed_at={"type": "string", "format": "date-time"}),
    ),
    "a response has a value less": ("response/outcome", lambda s: s["enum"].pop()),
    "a limit of a response is another one": (
        "response/orders",
        lambda s: line(s)["properties"]["quantity"].update(maximum=5),
    ),
    "a message takes a value more": (
        "message/changes.result",
        lambda s: s["properties"]["outcome"]["enum"].append("expired"),
    ),
    "a fact takes larger numbers": (
        "fact/assess_risk",
        lambda s: s["properties"]["risk"].update(type="number"),
    ),
}


@pytest.mark.parametrize("name, edit, problem", REFUSED.values(), ids=REFUSED)
def test_a_break_without_a_version_is_refused(name: str, edit: Edit, problem: str) -> None:
    (found,) = after(name, edit)
    assert found.startswith(f"{name}: ")
    assert problem in found


@pytest.mark.parametrize("name, edit", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_change_passes(name: str, edit: Edit) -> None:
    assert after(name, edit) == []


def test_a_dated_change_allows_another_request_or_response() -> None:
    gone: Edit = lambda s: drop(s, "placed_at")  # noqa: E731 - as in the tables above
    later = {"version": "2026-12-01"}
    sunsets = {**BEFORE["request/orders"].sunsets, "2026-12-01": ""}
    assert after("request/orders", gone, sunsets=sunsets, **later) == []
    assert after("response/orders", gone, **later) == []


def test_what_is_stored_needs_a_raised_version_and_an_upcast() -> None:
    gone: Edit = lambda s: drop(s, "reasons")  # noqa: E731 - as in the tables above
    assert after("fact/assess_risk", gone, version="1.2"), "an upcast is missing"
    assert after("fact/assess_risk", gone, conversions=("1.2",)), "the version is not raised"
    assert after("fact/assess_risk", gone, version="1.2", conversions=("1.1", "1.2")) == []
    assert after("fact/assess_risk", gone, version="2", conversions=()) == []


def test_a_new_stored_field_needs_a_raised_version_alone() -> None:
    gain: Edit = lambda s: add(s, "model", required=False)  # noqa: E731 - as in the tables above
    assert after("fact/assess_risk", gain, version="1.2") == []


def test_what_is_gone_is_refused() -> None:
    less = {name: entry for name, entry in BEFORE.items() if name != "fact/assess_risk"}
    (found,) = schemas.problems(BEFORE, less, TODAY)
    assert found.startswith("fact/assess_risk: is gone")


def test_a_dated_version_lives_until_its_sunset() -> None:
    without = BEFORE | {"request/orders": replace(BEFORE["request/orders"], sunsets={})}
    (found,) = schemas.problems(BEFORE, without, TODAY)
    assert "promised until 2027-11-29" in found
    assert schemas.problems(BEFORE, without, date(2027, 11, 29)) == []


def test_models_that_contain_themselves_are_compared() -> None:
    def tree(leaf: str) -> Any:
        children = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
        properties = {"children": children, "leaf": {"type": leaf}}
        return {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"properties": properties}}}

    assert breaks(tree("string"), tree("string"), Use.STORED) == []
    (found,) = breaks(tree("string"), tree("integer"), Use.STORED)
    assert str(found) == "leaf: no longer string"


def test_a_variant_of_a_union_may_come_for_senders_and_go_for_readers() -> None:
    def union(*kinds: str) -> Any:
        return {"oneOf": [{"properties": {"kind": {"const": kind}}} for kind in kinds]}

    two, three = union("cancel", "return"), union("cancel", "return", "exchange")
    for use, old, new in ((Use.REQUEST, two, three), (Use.RESPONSE, three, two)):
        assert breaks(old, new, use) == []
        assert len(breaks(new, old, use)) == 1


def test_each_route_has_its_parameters_body_and_answer() -> None:
    found = dict(route_schemas())
    assert found["parameters/GET /audit"]["properties"].keys() >= {"by", "since", "limit"}
    assert "Agent-Flows-Version" not in found["parameters/GET /audit"]["properties"]
    assert found["body/POST /keys application/json"]["$defs"]
    assert found["answer/GET /keys 200"]["$defs"]["Key"]["properties"].keys() >= {"id", "name"}
    assert not [name for name in found if "/v/orders" in name], (
        "its entries are request and response"
    )


def test_the_file_is_read_as_it_was_written() -> None:
    assert schemas.released(schemas.written(BEFORE)) == BEFORE


def test_a_break_ends_the_command_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    file = tmp_path / "released.json"
    file.write_bytes(schemas.written(BEFORE | {"fact/unknown": Entry("1", {})}))
    before = file.read_bytes()
    monkeypatch.setattr(schemas, "RELEASED", file)
    monkeypatch.setattr(schemas, "current", lambda: BEFORE)
    monkeypatch.setattr("sys.argv", ["schemas", "--write"])
    assert schemas.main() == 1
    assert "fact/unknown: is gone" in capsys.readouterr().out
    assert file.read_bytes() == before
    file.write_bytes(schemas.written({}))
    assert schemas.main() == 0
    assert schemas.released(file.read_bytes()).keys() == BEFORE.keys()


class Inner(BaseModel):
    n: int = 0


class Wider(BaseModel):
    n: int = 0
    more: int = 0


def test_a_gain_within_what_may_be_null_is_a_gain() -> None:
    found = breaks(schema(Inner | None), schema(Wider | None), Use.STORED)
    assert [(one.place, one.is_gain) for one in found] == [("more", True)]
