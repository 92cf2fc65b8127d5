"""A form made from a model has its fields, and asks for what was changed in it."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from agents.orders.models import Order
from deployments.gateway.console.body_form import Asked, asked, changed, fields_of
from tests.deployments.gateway.orders import order


class Box(BaseModel):
    size: Literal["small", "large"]
    weight: float = Field(ge=0, le=30)


class Parcel(BaseModel):
    label: str = Field(max_length=10)
    fragile: bool = False
    box: Box | None = None
    tags: list[str] = []


BODY: dict[str, Any] = {"label": "A", "fragile": True, "tags": ["x", "y"]}


def test_the_form_of_a_model() -> None:
    found = {one.path: one for one in fields_of(Parcel, BODY)}
    assert list(found) == ["label", "fragile", "box.size", "box.weight", "tags.0", "tags.1"]
    assert (found["label"].limits, found["label"].required) == ({"maxlength": 10}, True)
    assert (found["box.size"].options, found["box.size"].required) == (("small", "large"), False)
    assert (found["box.weight"].kind, found["fragile"].kind) == ("number", "boolean")


@pytest.mark.parametrize(
    "given, changes",
    [
        ({}, {"fragile": False}),
        ({"fragile": "on"}, {}),
        ({"fragile": "on", "label": "A", "tags.0": "x"}, {}),
        ({"fragile": "on", "label": "B"}, {"label": "B"}),
        ({"fragile": "on", "label": ""}, {"label": ""}),
        ({"fragile": "on", "box.size": "large", "box.weight": "2.5"}, ...),
        ({"fragile": "on", "box.size": "", "box.weight": ""}, {}),
    ],
)
def test_what_a_form_asks_for(given: dict[str, str], changes: Any) -> None:
    if changes is ...:
        changes = {"box.size": "large", "box.weight": 2.5}
    assert asked(fields_of(Parcel, BODY), given) == Asked(changes, {})


@pytest.mark.parametrize("text", ["two", "true", "[1]", "1,5"])
def test_a_number_that_is_none_is_named(text: str) -> None:
    found = asked(fields_of(Parcel, BODY), {"fragile": "on", "box.weight": text})
    assert found == Asked({}, {"box.weight": "must be a number"})


def test_changes_make_a_new_body() -> None:
    body = {"label": "A", "note": "n", "box": None, "tags": ["x"]}
    after = changed(body, {"label": "B", "note": None, "box.size": "small", "tags.0": "z"})
    assert after == {"label": "B", "box": {"size": "small"}, "tags": ["z"]}
    assert body["label"] == "A"


def test_the_form_of_an_order_has_each_value_of_its_body() -> None:
    body = order(3)
    found = fields_of(Order, body)
    assert {one.path: one.value for one in found if one.value is not None}.items() >= {
        ("customer.email", body["customer"]["email"]),
        ("lines.0.quantity", body["lines"][0]["quantity"]),
        ("total", body["total"]),
    }
    assert asked(found, {one.path: one.text for one in found}) == Asked({}, {})
