"""The state of an order names its carrier and its days, as long as they lie ahead."""

from dataclasses import replace
from typing import Literal

import pytest

from agents.shop.accounts import AfterSales, Movement, Shipment
from agents.support.dialogue.informing import informed
from agents.support.dialogue.render import render
from agents.support.models import Language
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


@pytest.mark.parametrize("days", [0, 7, 8])
def test_the_day_that_the_carrier_has_promised_counts_more_than_the_rule(days: int) -> None:
    promised = Shipment(carrier="Swift", tracking="SW1", arrives_on="2026-12-02")
    text = said(days, shipment=promised)
    assert "Swift has promised to deliver it on 2 December 2026." in text
    assert "It should arrive by" not in text


def test_what_is_not_known_or_not_possible_is_not_said() -> None:
    assert said(None, shipment=None) == "Order B200 has been shipped."
    assert "return it" not in said(3, status="return requested")
    pending = order("A100", "pending")
    assert len(informed("order_status", pending, SHOP)) == 1


@pytest.mark.parametrize(
    "language,moved,told",
    [
        ("en", ("refund", 1_000), "USD 10.00 went to credit card (Visa) on 3 December 2026."),
        ("en", ("payment", 200), "USD 2.00 was charged to credit card (Visa) on"),
        ("en", None, "arrived by 3 December 2026; there is nothing to pay."),
        ("zh", ("refund", 1_000), "USD 10.00 已于2026年12月3日退到"),
        ("zh", ("payment", 200), "差价 USD 2.00 已于2026年12月3日从"),
    ],
)
def test_the_money_of_a_return_is_told_after_its_goods_have_arrived(
    language: Language, moved: tuple[Literal["payment", "refund"], int] | None, told: str
) -> None:
    asked = AfterSales(pieces=("10000001",), method="card")
    one = order("B200", "return requested").model_copy(update={"after_sales": asked})
    shop = replace(SHOP, language=language)
    (before,) = informed("refund_status", one, shop)
    assert before.template == "refund awaited"

    more = (Movement(kind=moved[0], amount=moved[1], method="card"),) if moved else ()
    settled = one.model_copy(
        update={
            "after_sales": asked.model_copy(update={"settled_on": "2026-12-03"}),
            "movements": (*one.movements, *more),
        }
    )
    for task in ("refund_status", "order_status"):
        assert told in " ".join(render(part, language) for part in informed(task, settled, shop))


@pytest.mark.parametrize(
    "language,told",
    [
        (
            "en",
            (
                "So far 1 of the 2 pieces have arrived",
                "on their way with Swift, tracking number S7.",
            ),
        ),
        ("zh", ("目前 2 件中已收到 1 件", "新商品已由 Swift 发出，运单号 S7。")),
    ],
)
def test_new_goods_that_were_sent_and_old_ones_that_are_missing_are_told(
    language: Language, told: tuple[str, ...]
) -> None:
    asked = AfterSales(
        pieces=("10000001", "10000001"),
        new=("10000002", "10000002"),
        method="card",
        settled_on="2026-12-03",
        arrived=("10000001",),
        parcels=(Shipment(carrier="swift", tracking="S7"),),
    )
    one = order("B200", "exchange requested").model_copy(update={"after_sales": asked})
    shop = replace(SHOP, language=language)
    said = " ".join(render(part, language) for part in informed("order_status", one, shop))
    assert [words in said for words in told] == [True, True]
