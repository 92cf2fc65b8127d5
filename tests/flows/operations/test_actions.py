"""Actions of people on orders, with the sandbox providers in a process of their own."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow

from agents.orders.rules import TooLate
from agents.orders.validate import InvalidOrder
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.operator_actions import UnknownItem
from agents.runtime.model.scenario import KeyChanged
from flows.cli.error_messages import NotConfirmed
from flows.operations import actions, items
from flows.operations.correction import BadCorrection
from flows.operations.recovery import recover
from tests.flows.operating import WHO, ended, killed_at_the_carrier, money, outage
from tests.flows.shop import GOODS, Shop

pytestmark = pytest.mark.slow


async def test_an_order_that_is_replayed_after_an_outage_is_shipped_and_charged_once(
    shop: Shop,
) -> None:
    first, second = await outage(shop, 2)
    listed = await items.dead_letters.fn()
    assert sorted(row["item"] for row in listed.table) == sorted([first, second])
    assert {row["agent"] for row in listed.table} == {"book_shipment"}
    assert (await items.dead_letters.fn(agent="issue_stock")).table == []

    assert (await actions.replay.fn(**WHO, keys=[first, first], per_minute=6_000)).table == [
        {"outcome": "shipped", "items": "1"}
    ]
    assert [row["item"] for row in (await items.dead_letters.fn()).table] == [second]
    assert (await actions.replay.fn(**WHO, keys=[first])).title == "0 replayed"
    assert (await actions.replay.fn(**WHO, agent="issue_stock")).title == "0 replayed"
    assert (await actions.replay.fn(**WHO, per_minute=6_000)).title == "1 replayed"
    assert {await ended(shop, key) for key in (first, second)} == {("completed", "shipped")}
    assert {money(shop, key) for key in (first, second)} == {(1_999, 0)}
    again = await shop.process(shop.orders(2))
    assert again.reasons["already done"] == {"shipped": 2}


async def test_only_dead_letters_are_replayed_and_none_if_a_key_is_unknown(shop: Shop) -> None:
    [key] = await outage(shop)
    await shop.process([shop.order(9)])
    with pytest.raises(UnknownItem, match="orders has no item 'typo'"):
        await actions.replay.fn(**WHO, keys=[key, "typo"])
    with pytest.raises(IllegalTransition, match="is completed: 'replay'"):
        await actions.replay.fn(**WHO, keys=[key, shop.order_id(9)])
    assert (await actions.replay.fn(**WHO, keys=[key], agent="other")).title == "0 replayed"
    again = await shop.process(shop.orders(1))
    assert again.reasons["already done"] == {"dead_lettered": 1}
    with pytest.raises(
        NotConfirmed, match=r"has paid USD 19\.99, and discard leaves that as it is"
    ):
        await actions.discard.fn(key, **WHO)
    assert await ended(shop, key) == ("dead_lettered", None)
    discarded = await actions.discard.fn(key, **WHO, money_stays=True)
    assert discarded.lines == ["stays as it is: paid USD 19.99"]
    assert money(shop, key) == (1_999, 0)
    with pytest.raises(IllegalTransition, match="is failed: 'replay'"):
        await actions.replay.fn(**WHO, keys=[key])


@pytest.mark.parametrize(
    "decision,outcome", [(actions.approve, "shipped"), (actions.reject, "rejected")]
)
async def test_a_risky_order_is_approved_or_rejected(
    shop: Shop, decision: Flow[..., Any], outcome: str
) -> None:
    key = shop.order_id(1)
    await shop.process([shop.order(1, price=700_000)])
    [row] = (await items.waiting_items.fn()).table
    assert (row["item"], row["asks"][:7]) == (key, "risk 70")

    done = await decision.fn(key, **WHO)

    assert done.title == f"orders {key}: {outcome}"
    assert (await items.waiting_items.fn()).table == []
    assert len(shop.record.shipments) == (1 if outcome == "shipped" else 0)
    found = await items.show_item.fn(key)
    assert WHO["reason"] in next(row["detail"] for row in found.table if row["event"] == "decide")
    with pytest.raises(IllegalTransition, match="'decide' is not allowed"):
        await actions.decide.fn(key, "approve", **WHO)


async def test_an_order_that_is_cancelled_while_it_waits_costs_nothing(shop: Shop) -> None:
    await shop.process([shop.order(1, price=700_000)])
    done = await actions.cancel.fn(shop.order_id(1), by="ann", reason="changed my mind")
    assert done.title == f"orders {shop.order_id(1)}: rejected"
    assert await ended(shop, shop.order_id(1)) == ("cancelled", "rejected")
    assert not shop.record.payments


@pytest.mark.slow
@pytest.mark.usefixtures("short_lease")
async def test_an_order_that_is_cancelled_after_its_capture_is_refunded_and_its_stock_released(
    shop: Shop,
) -> None:
    key = shop.order_id(1)
    process = killed_at_the_carrier(shop, [shop.order(1)])
    assert money(shop, key) == (1_999, 0)
    assert process.returncode == -signal.SIGKILL

    done = await actions.cancel.fn(key, by="ann", reason="changed my mind")

    assert done.title == f"orders {key}: refunded"
    assert await ended(shop, key) == ("cancelled", "refunded")
    assert money(shop, key) == (1_999, 1_999)
    assert shop.record.goods[shop.sku("lamp")]["on_hand"] == GOODS["lamp"][0]
    assert "booked" not in {parcel["status"] for parcel in shop.record.shipments[key]}


async def test_a_mended_order_is_validated_and_shipped_to_its_new_address(shop: Shop) -> None:
    [key] = await outage(shop)
    body = shop.order(0)
    elsewhere = body | {"address": body["address"] | {"city": "Elko", "postal_code": "89801"}}
    with pytest.raises(KeyChanged, match="is of 'another'"):
        await actions.mend.fn(key, **WHO, body=elsewhere | {"order_id": "another"})
    with pytest.raises(InvalidOrder, match="total"):
        await actions.mend.fn(key, **WHO, body=elsewhere | {"total": 1})
    await actions.mend.fn(key, **WHO, body=elsewhere)
    assert (await actions.replay.fn(**WHO, keys=[key])).title == "1 replayed"
    found = await items.show_item.fn(key)
    assert found.title == f"orders {key}: shipped"
    assert any("Elko" in line for line in found.lines)
    assert "dead letter (replayed)" in "\n".join(found.lines)
    again = await shop.process(shop.orders(1))
    assert (again.reasons["already done"], again.outcomes["rejected"]) == ({"shipped": 1}, 0)


async def test_single_fields_are_mended_and_a_file_replaces_the_body(
    shop: Shop, tmp_path: Path
) -> None:
    [key] = await outage(shop)
    for text, words in {
        "address.town=Elko": "address.town (unknown-field)",
        "adress.city=Elko": "adress.city: there is no 'adress'; there is: address, currency",
        "lines.7.name=Lamp": "lines.7.name: there is no '7'; there is: 0",
        "total=much": "total=much: the field holds no text, so give JSON",
        "total": "must be FIELD=VALUE",
        "total=1": "total",
    }.items():
        with pytest.raises((BadCorrection, InvalidOrder), match=re.escape(words)):
            await actions.mend.fn(key, **WHO, values=[text])
    with pytest.raises(BadCorrection, match="give one of"):
        await actions.mend.fn(key, **WHO)
    with pytest.raises(BadCorrection, match="No such file"):
        await actions.mend.fn(key, **WHO, from_file=str(tmp_path / "none.json"))

    values = ["address.city=Elko", "address.postal_code=89801"]
    done = await actions.mend.fn(key, **WHO, values=values)
    assert done.lines == [
        f"next: uv run python -m flows.operations replay {key} --by YOU --reason WHY"
    ]
    assert any('"city":"Elko"' in line for line in (await items.show_item.fn(key)).lines)
    (tmp_path / "order.json").write_text(json.dumps(shop.order(0)), encoding="utf-8")
    await actions.mend.fn(key, **WHO, from_file=str(tmp_path / "order.json"))
    assert not any("Elko" in line for line in (await items.show_item.fn(key)).lines)


async def test_lists_show_amount_customer_and_money(shop: Shop) -> None:
    [key] = await outage(shop)
    await shop.process([shop.order(1, price=700_000)])
    [dead] = (await items.dead_letters.fn()).table
    customer = shop.order(0)["customer"]
    name = f"{customer['name']} ({customer['id']})"
    assert (dead["amount"], dead["customer"], dead["paid or held"]) == (
        "USD 19.99",
        name,
        "paid USD 19.99",
    )
    [waits] = (await items.waiting_items.fn()).table
    assert (waits["amount"], waits["paid or held"]) == ("USD 7,000.00", "")
    assert (waits["escalated"], waits["due"]) == ("no", "")
    await recover.fn(escalate_after_hours=0, reject_after_hours=72)
    [waits] = (await items.waiting_items.fn()).table
    assert (waits["escalated"], waits["due"]) == ("yes", "rejected in 3.0 d")

    shown = (await items.show_item.fn(key)).lines
    assert "amount: USD 19.99; paid or held: paid USD 19.99" in shown
    assert f"customer: {name}" in shown
    assert any(re.match(r"step capture_payment: done \(\d+ ms\) ", x) for x in shown)
    assert [line.split()[6] for line in shown if line.startswith("next: ")] == [
        "replay", "mend", "restart", "cancel", "discard",
    ]  # fmt: skip


async def test_an_order_that_no_carrier_ships_is_cancelled_and_refunded(shop: Shop) -> None:
    [key] = await outage(shop)
    done = await actions.cancel.fn(key, **WHO)
    assert done.title == f"orders {key}: refunded"
    assert money(shop, key) == (1_999, 1_999)
    with pytest.raises(IllegalTransition):
        await actions.replay.fn(**WHO, keys=[key])


async def test_an_order_that_is_restarted_at_its_assessment_is_charged_and_shipped_once(
    shop: Shop,
) -> None:
    [key] = await outage(shop)
    done = await actions.restart.fn(key, "assess_risk", **WHO)
    assert done.title == f"orders {key}: shipped"
    assert money(shop, key) == (1_999, 0)
    assert len(shop.record.shipments[key]) == 1


async def test_paid_lines_of_an_order_cannot_change(shop: Shop) -> None:
    [key] = await outage(shop)
    with pytest.raises(TooLate, match="lines can no longer change, reserve_stock has been tried"):
        await actions.mend.fn(key, **WHO, body=shop.order(0, price=2_999))


async def test_an_edited_order_is_assessed_again(shop: Shop) -> None:
    key = shop.order_id(1)
    await shop.process([shop.order(1, price=700_000)])
    done = await actions.edit.fn(key, **WHO, body=shop.order(1))
    assert done.title == f"orders {key}: shipped"
    assert money(shop, key) == (1_999, 0)


async def test_a_large_refund_waits_for_approval(shop: Shop) -> None:
    key = shop.order_id(1)
    await shop.process([shop.order(1, "anvil", price=1_100_000)])
    await actions.approve.fn(key, **WHO)
    [row] = (await items.waiting_items.fn()).table
    assert (row["item"], row["asks"]) == (key, "refund USD 11,000.00?")
    assert money(shop, key) == (1_100_000, 0)

    done = await actions.decide.fn(key, "approve", **WHO)
    assert done.title == f"orders {key}: refunded"
    assert money(shop, key) == (1_100_000, 1_100_000)
