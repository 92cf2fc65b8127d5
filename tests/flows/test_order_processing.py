"""Order processing with the sandbox providers, each test on both databases.

The flow's function is called outside of Prefect, so no server is needed. Tests assert what the
providers recorded; after every test the invariants of tests/invariants.py must hold.
"""

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.settings import settings
from agents.runtime.testing import instant_retries
from tests.flows.shop import DECLINED_CARD, GOODS, Shop

pytestmark = pytest.mark.slow

LAMPS = GOODS["lamp"][0]


async def test_every_good_order_is_charged_and_shipped_once_with_one_message(shop: Shop) -> None:
    report = await shop.process(shop.orders(20, quantity=3, price=500), batch_size=8)

    assert report.outcomes["shipped"] == report.items == 20
    assert report.captured == {"USD": 20 * 1_500}
    assert report.messages == {"sent": 20}
    record = shop.record
    assert {p["received"] for [p] in record.payments.values()} == {1_500}
    assert record.goods[shop.sku("lamp")]["shipped"] == 60
    assert record.goods[shop.sku("lamp")]["on_hand"] == LAMPS - 60
    subjects = shop.ask("SELECT subject FROM notifications WHERE key LIKE ?", f"%{shop.name}%")
    wanted = [f"Your order {shop.order_id(n)} is on its way" for n in range(20)]
    assert sorted(subject for (subject,) in subjects) == sorted(wanted)


async def test_a_declined_card_releases_the_stock_and_takes_no_money(shop: Shop) -> None:
    good, bad = shop.order(1), shop.order(2, payment_method=DECLINED_CARD)

    report = await shop.process([good, bad])

    assert (report.outcomes["shipped"], report.outcomes["rejected"]) == (1, 1)
    assert report.reasons["rejected"] == {"declined": 1}
    [payment] = shop.record.payments[shop.order_id(2)]
    assert (payment["status"], payment["received"]) == ("canceled", 0)
    assert shop.record.goods[shop.sku("lamp")]["on_hand"] == LAMPS - 1
    assert message_about(shop, 2).startswith("Your order")
    assert "could not be accepted" in message_about(shop, 2)


async def test_the_last_piece_is_sold_once_and_the_other_order_is_rejected(shop: Shop) -> None:
    report = await shop.process([shop.order(1, "rare"), shop.order(2, "rare")])

    assert (report.outcomes["shipped"], report.outcomes["rejected"]) == (1, 1)
    assert report.reasons["rejected"] == {"out of stock": 1}
    paid = [p for payments in shop.record.payments.values() for p in payments if p["received"]]
    assert len(paid) == 1


async def test_an_order_that_no_carrier_takes_is_refunded_and_its_stock_released(
    shop: Shop,
) -> None:
    report = await shop.process([shop.order(1, "anvil", price=4_200), shop.order(2)])

    assert (report.outcomes["shipped"], report.outcomes["refunded"]) == (1, 1)
    assert report.reasons["refunded"] == {"no carrier": 1}
    assert report.refunded == {"USD": 4_200}
    [payment] = shop.record.payments[shop.order_id(1)]
    assert payment["received"] == payment["refunded"] == 4_200
    assert shop.record.goods[shop.sku("anvil")]["on_hand"] == GOODS["anvil"][0]
    assert shop.order_id(1) not in shop.record.shipments
    assert "was cancelled and refunded" in message_about(shop, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        "payments.capture:timeout",
        "payments.capture:reset",
        "payments.capture:error",
        "payments.capture:truncated",
        "payments.open:reset",
        "payments.authorise:error",
        "inventory.reserve:reset",
        "inventory.issue:truncated",
        "carriers.book:truncated",
    ],
)
async def test_an_unknown_outcome_is_settled_and_the_effect_happens_once(
    shop: Shop, fault: str
) -> None:
    report = await shop.process(shop.orders(5), faults=f"{fault}=1")

    assert shop.met(fault.partition(":")[2]) == 5
    assert report.outcomes["shipped"] == 5
    record = shop.record
    assert {key: len(all_of_it) for key, all_of_it in record.payments.items()} == {
        shop.order_id(n): 1 for n in range(5)
    }
    assert {len(parcels) for parcels in record.shipments.values()} == {1}
    assert record.goods[shop.sku("lamp")]["shipped"] == 5


async def test_an_unknown_outcome_of_an_undo_is_settled_too(shop: Shop) -> None:
    orders = shop.orders(5, sku="anvil")

    report = await shop.process(
        orders, faults="payments.refund:error=1;inventory.release:truncated=1"
    )

    assert shop.met("error") == shop.met("truncated") == 5
    assert report.outcomes["refunded"] == 5
    assert shop.record.goods[shop.sku("anvil")]["on_hand"] == GOODS["anvil"][0]


async def test_an_unknown_decline_takes_no_money(shop: Shop) -> None:
    orders = shop.orders(3, payment_method=DECLINED_CARD)

    report = await shop.process(orders, faults="payments.authorise:error=1")

    assert report.reasons["rejected"] == {"declined": 3}
    assert {p["status"] for [p] in shop.record.payments.values()} == {"canceled"}


@pytest.mark.slow
async def test_an_order_that_meets_a_rate_limit_is_tried_again(shop: Shop) -> None:
    report = await shop.process(shop.orders(5), faults="payments.capture:rate_limit=1")

    assert shop.met("rate_limit") == 5
    assert report.outcomes["shipped"] == 5


async def test_an_outage_ends_in_dead_letters_that_name_agent_and_error(shop: Shop) -> None:
    orders = [shop.order(1), shop.order(2, payment_method=DECLINED_CARD)]

    with instant_retries():
        report = await shop.process(orders, faults="inventory.issue:outage=1")

    assert (report.outcomes["dead-lettered"], report.outcomes["rejected"]) == (1, 1)
    [letter] = (await shop.journal()).dead.values()
    assert (letter["agent"], letter["attempts"]) == ("issue_stock", 6)
    assert "503" in letter["error"]


async def test_an_order_that_waits_holds_no_stock_no_money_and_no_worker(shop: Shop) -> None:
    dear = shop.order(1, quantity=1, price=700_000)

    report = await shop.process([dear, shop.order(2)])

    assert (report.outcomes["waiting"], report.outcomes["shipped"]) == (1, 1)
    assert report.reasons["waiting"] == {"risk 70: high-value, very-high-value": 1}
    assert not shop.ask("SELECT n FROM calls WHERE key LIKE ?", f"%:{shop.order_id(1)}:%")
    [waiting] = [i for i in (await shop.journal()).items.values() if i["state"] == "waiting"]
    assert (waiting["key"], waiting["owner"]) == (shop.order_id(1), None)


@pytest.mark.parametrize("approved,outcome", [(True, "shipped"), (False, "rejected")])
async def test_a_decision_takes_effect_at_the_next_run(
    shop: Shop, approved: bool, outcome: str
) -> None:
    dear = shop.order(1, price=700_000)
    await shop.process([dear])
    async with open_runtime(settings()) as opened:
        action = OperatorAction("orders", shop.order_id(1), "ann", "asked the customer")
        await decide(opened.journal, action, approved=approved)

    report = await shop.process([dear])

    assert {word: n for word, n in report.outcomes.items() if n} == {outcome: 1}
    assert report.captured.get("USD", 0) == (700_000 if approved else 0)
    assert message_about(shop, 1)


async def test_bad_orders_do_not_affect_the_others_of_their_batch(shop: Shop) -> None:
    bad = [
        shop.order(100, payment_method=DECLINED_CARD),
        shop.order(101, "anvil"),
        shop.order(102, price=700_000),
        shop.order(103, "unheard-of"),
        shop.order(104, address=shop.order(0)["address"] | {"country": "DE"}),
    ]

    report = await shop.process([*shop.orders(20), *bad])

    assert report.outcomes["shipped"] == 20
    assert report.reasons["refunded"] == {"no carrier": 2}
    assert report.reasons["rejected"] == {"declined": 1, "unknown sku": 1}
    assert report.outcomes["waiting"] == 1


def message_about(shop: Shop, number: int) -> str:
    """The only message that was sent about the order."""
    sql = "SELECT subject || text FROM notifications WHERE key LIKE ?"
    [(message,)] = shop.ask(sql, f"%:{shop.order_id(number)}:%")
    return str(message)
