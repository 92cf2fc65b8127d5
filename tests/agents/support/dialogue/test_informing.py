"""The state of an order names its carrier and its days, as long as they lie ahead."""

import pytest

from agents.shop.accounts import Shipment
from agents.support.dialogue.informing import informed
from agents.support.dialogue.render import render
from tests.agents.support.dialogue.shop import SHOP, order

SENT = order("B200", "delivered").model_copy(
    update={
        "shipment": Shipment(carrier="Swift", tracking="SW1"),
        "arrives_by": "2026-12-06",
        "returnable_until": "2027-01-05",
    }
)


def said(days: int | None, **changed: object) -> str:
    one = SENT.model_copy(update={"days": days, **changed})
    return " ".join(render(part, "en") for part in informed("order_status", one, SHOP))


@pytest.mark.parametrize(
    "days,arrives,returnable",
    [(0, True, True), (7, True, True), (8, False, True), (37, False, True), (38, False, False)],
)
def test_a_day_is_named_while_it_lies_ahead(days: int, arrives: bool, returnable: bool) -> None:
    text = said(days)
    assert "Swift brings it, tracking number SW1." in text
    assert ("It should arrive by 6 December 2026." in text) == arrives
    assert ("You can return it until 5 January 2027." in text) == returnable


def test_what_is_not_known_or_not_possible_is_not_said() -> None:
    assert said(None, shipment=None) == "Order B200 has been shipped."
    assert "return it" not in said(3, status="return requested")
    pending = order("A100", "pending")
    assert len(informed("order_status", pending, SHOP)) == 1
