"""What happens to payments after their orders: pending and failed refunds, disputes, units of money."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest

from agents.orders.payment_webhook import receive
from agents.runtime.context import open_runtime
from agents.runtime.execution import attempt
from agents.runtime.journal.database import Database
from agents.runtime.journal.provider_events import unhandled_events
from agents.runtime.settings import PREFIX, settings
from agents.runtime.testing import instant_retries
from agents.services.payments.sandbox_later import signature
from agents.workflow.exit_status import ExitStatus
from agents.workflow.incoming_webhooks import EventRefused
from flows.cli.http_endpoint import PortTaken
from flows.operations import payment_events as operation
from flows.operations.actions import replay
from flows.operations.payment_events import PATH, payment_events
from flows.operations.reconciliation import reconcile
from flows.operations.recovery import recover
from tests.agents.payment_bank import Bank
from tests.flows.operating import ended, money
from tests.flows.shop import Shop

pytestmark = pytest.mark.slow

HOUR = 3_600.0


@pytest.fixture
async def bank(providers: Path) -> AsyncIterator[Bank]:
    """The provider; its clock is set back after the test."""
    bank = Bank(providers)
    yield bank
    await bank.wait(-bank.ahead)


async def listed(shop: Shop) -> dict[str, str]:
    """What a look at the events lists about this shop, by order."""
    listing = await payment_events.fn()
    rows = [row for row in listing.table if shop.name in row["item"]]
    assert not rows or listing.code == ExitStatus.PERSON_NEEDED
    return {row["item"]: row["difference"] for row in rows}


def subjects(shop: Shop) -> list[str]:
    like = f"%{shop.name}%"
    return [s for (s,) in shop.ask("SELECT subject FROM notifications WHERE key LIKE ?", like)]


async def test_the_customer_reads_refunded_when_the_refund_has_arrived(
    shop: Shop, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "STAYS", 0.0)
    order = shop.order(1, "anvil", payment_method="pm_card_pendingRefund")
    key = order["order_id"]
    with instant_retries():
        assert (await shop.process([order])).outcomes["pending"] == 1
        await recover.fn()
        assert (await ended(shop, key), subjects(shop)) == (("compensating", None), [])
        await bank.wait(61)
        await recover.fn()
    assert await ended(shop, key) == ("compensated", "refunded")
    assert money(shop, key) == (1_999, 1_999)
    assert ["refunded" in subject for subject in subjects(shop)] == [True]


async def test_a_refund_that_fails_afterwards_is_listed_once_and_made_again(
    shop: Shop, bank: Bank
) -> None:
    order = shop.order(1, "anvil", payment_method="pm_card_refundFail")
    key = order["order_id"]
    assert (await shop.process([order])).outcomes["refunded"] == 1
    assert await listed(shop) == {}
    await bank.wait(61)
    assert await listed(shop) == {key: "a refund has failed since"}
    assert (money(shop, key), await listed(shop)) == ((1_999, 0), {})

    found = await reconcile.fn(days=1, at_rest_minutes=0)
    assert {r["difference"] for r in found.table if r["item"] == key} == {
        "a refund has failed since"
    }
    await reconcile.fn(days=1, at_rest_minutes=0, undo=True)
    assert money(shop, key) == (1_999, 1_999)


async def test_an_order_that_is_paid_in_part_is_not_shipped(shop: Shop) -> None:
    report = await shop.process([shop.order(1, price=1_000)], faults="payments.capture:partial=1")
    assert (report.outcomes["shipped"], report.outcomes["refunded"]) == (0, 1)
    assert report.reasons["refunded"] == {"wrong outcome": 1}
    assert money(shop, shop.order_id(1)) == (400, 400)
    [text] = shop.ask("SELECT text FROM notifications WHERE key LIKE ?", f"%{shop.name}%")
    assert "We returned USD 4.00 to your account." in text[0]


async def test_a_refund_that_is_rejected_later_is_a_dead_letter_that_says_so(
    shop: Shop, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "STAYS", 0.0)
    with instant_retries():
        await shop.process([shop.order(1, "anvil")], faults="payments.refund:reject=1")
        await bank.wait(61)
        await recover.fn()
    [letter] = (await shop.journal()).dead.values()
    assert letter["error_type"] == "RefundFailed"
    assert "of USD 19.99 is failed (expired_or_canceled_card)" in letter["error"]
    assert subjects(shop) == []
    await replay.fn(keys=[shop.order_id(1)], by="ann", reason="the bank is asked again")
    assert money(shop, shop.order_id(1)) == (1_999, 1_999)
    assert len(subjects(shop)) == 1


async def test_a_dispute_is_listed_until_it_is_known(shop: Shop, bank: Bank) -> None:
    order = shop.order(1, payment_method="pm_card_createDispute")
    key = order["order_id"]
    assert (await shop.process([order])).outcomes["shipped"] == 1
    assert await listed(shop) == {key: "shipped, and the customer disputes the payment"}
    assert await listed(shop) == {}  # each event once

    [(dispute,)] = shop.ask(
        "SELECT d.id FROM disputes d JOIN payment_intents p ON p.id = payment_intent"
        " WHERE p.reference LIKE ?",
        f"%:{key}",
    )
    await bank.ask(f"/v1/disputes/{dispute}/close")
    assert await listed(shop) == {key: "shipped, and the dispute is lost"}


async def test_money_is_counted_as_the_provider_counts_it(shop: Shop, bank: Bank) -> None:
    orders = [
        shop.order(1, price=5_000, currency="ISK"),
        shop.order(2, price=5_050, currency="MGA"),
    ]
    report = await shop.process(orders)
    assert (report.outcomes["shipped"], report.reasons["rejected"]) == (1, {"amount refused": 1})
    assert report.captured == {"ISK": 5_000, "MGA": 0}
    assert money(shop, shop.order_id(1)) == (500_000, 0)
    # As an earlier release left it: ISK 50.
    paid = "UPDATE payment_intents SET amount = ?1, received = ?1 WHERE reference LIKE ?2"
    bank.change(paid, 5_000, f"%:{shop.order_id(1)}")
    found = await reconcile.fn(days=1, at_rest_minutes=0)
    [row] = [row for row in found.table if row["item"] == shop.order_id(1)]
    bank.change(paid, 500_000, f"%:{shop.order_id(1)}")
    assert row["difference"] == "amounts differ"
    assert "ISK 50.00" in row["found"]


def event(shop: Shop, name: str, kind: str = "charge.dispute.created") -> bytes:
    """An event about the payment of the shop's first order."""
    [payment] = shop.record.payments[shop.order_id(1)]
    about = {"object": "dispute", "payment_intent": payment["id"]}
    body = {"id": name, "type": kind, "created": time.time(), "data": {"object": about}}
    return orjson.dumps(body)


async def unhandled(shop: Shop) -> list[str]:
    database = Database(shop.journal_url)
    found = await unhandled_events(database, "payments", 100)
    await database.close()
    return [one.id for one in found]


async def kept(shop: Shop) -> list[str]:
    return [one for one in await unhandled(shop) if one.startswith(shop.name)]


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, environment: None) -> str:
    monkeypatch.setenv(f"{PREFIX}STRIPE_WEBHOOK_SECRET", "whsec_test")
    settings.cache_clear()
    return "whsec_test"


async def test_a_webhook_is_believed_only_with_a_signature_of_now(shop: Shop, secret: str) -> None:
    await shop.process([shop.order(1)])
    now, payload = int(time.time()), event(shop, f"{shop.name}-1")
    good = signature(secret, now, payload)
    async with open_runtime(settings()):
        for header in (
            "",
            f"t={now}",
            signature("whsec_other", now, payload),
            signature(secret, now - 400, payload),
            signature(secret, now + 400, payload),
            signature(secret, now, payload + b" "),
            good.replace("v1=", "v0="),
            good.replace(f"t={now}", f"t={now + 1}"),
            "t=x,v1=é",
        ):
            with pytest.raises(EventRefused):
                await receive(payload, {"stripe-signature": header})
        with pytest.raises(EventRefused, match="no event"):
            await receive(b"[]", {"stripe-signature": signature(secret, now, b"[]")})
        assert await kept(shop) == []
        for header in (good, good, f"t={now},v1=00,{good.partition(',')[2]}"):
            await receive(
                payload, {"stripe-signature": header}
            )  # Stripe repeats events, and signs twice when keys roll
        other = event(shop, f"{shop.name}-2", "customer.created")
        await receive(other, {"stripe-signature": signature(secret, now, other)})
    assert await kept(shop) == [f"{shop.name}-1"]
    assert await listed(shop) == {}  # the provider knows of no dispute
    assert await kept(shop) == []


async def answered(client: httpx.AsyncClient, url: str, content: bytes) -> int:
    """The status of the answer, once there is one."""
    until = time.monotonic() + 20
    while True:
        try:
            return (await client.post(url, content=content)).status_code
        except httpx.ConnectError:
            assert time.monotonic() < until
            await asyncio.sleep(0.02)


class Clock:
    """The clock of the operation, which the test lets pass."""

    is_over = False
    time = staticmethod(time.time)

    def monotonic(self) -> float:
        return time.monotonic() + (2 * HOUR if self.is_over else 0.0)


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_signed_webhook_of_the_provider_arrives_and_is_handled(
    shop: Shop, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            await payment_events.fn(port=port, for_seconds=0)
    url = f"http://127.0.0.1:{port}{PATH}"
    added = await bank.ask("/v1/webhook_endpoints", {"url": url})
    monkeypatch.setenv(f"{PREFIX}STRIPE_WEBHOOK_SECRET", added["secret"])
    monkeypatch.setattr(operation, "LOOK_SECONDS", 0.05)
    settings.cache_clear()
    clock = Clock()
    monkeypatch.setattr(operation, "time", clock)
    serving = asyncio.create_task(payment_events.fn(port=port, for_seconds=HOUR))
    async with httpx.AsyncClient() as client:
        assert await answered(client, url, b"{}") == 400
        assert await answered(client, url, b"x" * 1_000_001) == 413
    await shop.process([shop.order(1, payment_method="pm_card_createDispute")])
    left = "SELECT count(*) FROM webhook_deliveries WHERE endpoint = ?"
    until = time.monotonic() + 60
    while shop.ask(left, added["id"]) != [(0,)] or await unhandled(shop):
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    await asyncio.to_thread(bank.change, "DELETE FROM webhook_endpoints WHERE url = ?", url)
    clock.is_over = True
    listing = await serving
    assert [r["difference"] for r in listing.table if r["item"] == shop.order_id(1)]
