"""Whether an order may go on or waits for a person."""

import pytest

from agents.orders.assess_risk import assess_risk
from agents.orders.models import Order
from agents.orders.rules import APPROVAL_THRESHOLD
from agents.orders.validate import check_order
from agents.runtime.errors import Parked
from agents.runtime.model.policies import PURE
from tests.agents.orders.order_faults import body


def worth(total: int) -> Order:
    line = {"sku": "A-1", "name": "Lamp", "quantity": 1, "unit_price": total}
    return check_order(body({"lines": [line], "total": total}))


def test_an_order_below_the_threshold_goes_on_with_its_risk() -> None:
    assessed = assess_risk.function(worth(300_000), None)

    assert (assessed.risk, assessed.reasons) == (30, ("high-value",))


def test_an_order_at_the_threshold_waits_and_says_why() -> None:
    with pytest.raises(Parked) as caught:
        assess_risk.function(worth(650_000), None)

    assert str(caught.value) == f"risk {APPROVAL_THRESHOLD}: high-value, very-high-value"


def test_weighing_changes_nothing_in_the_world() -> None:
    assert assess_risk.policy is PURE
