"""What the sandbox's payment provider does later, as Stripe documents it, and how it is heard of."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest

from agents.services.http import Body, HttpApi
from agents.services.payments.protocol import RefundRefused
from agents.services.payments.stripe import StripePayments
from agents.services.payments.stripe_events import verified_change
from tests.agents.payment_bank import Bank
from tests.agents.services.bare import post, send

INTENTS, DAY = "/v1/payment_intents", 86_400
CARD = {"amount": "1000", "currency": "usd", "capture_method": "manual"}


@pytest.fixture
async def bank(sandbox_data: Path) -> AsyncIterator[Bank]:
    """The provider; its clock is set back after the test."""
    bank = Bank(sandbox_data)
    yield bank
    await bank.wait(-bank.ahead)


async def held(api: HttpApi, method: str = "pm_card_visa") -> str:
    intent: str = (await post(api, INTENTS, CARD | {"payment_method": method})).body["id"]
    assert (await post(api, f"{INTENTS}/{intent}/confirm", {})).ok
    return intent


async def captured(api: HttpApi, method: str = "pm_card_visa", part: str = "1000") -> str:
    intent = await held(api, method)
    assert (await post(api, f"{INTENTS}/{intent}/capture", {"amount_to_capture": part})).ok
    return intent


async def shown(api: HttpApi, intent: str) -> Body:
    return (await send(api, "GET", f"{INTENTS}/{intent}?expand[]=latest_charge")).body


async def refund_of(api: HttpApi, intent: str) -> Body:
    [refund] = (await send(api, "GET", f"/v1/refunds?payment_intent={intent}")).body["data"]
    found: Body = refund
    return found


async def kinds(api: HttpApi, intent: str) -> list[str]:
    """The events about a payment, the oldest first, as the adapter lists them."""
    pages = StripePayments(api).changes(time.time() - DAY)
    found = [one async for page in pages for one in page if one.payment == intent]
    return [one.kind for one in reversed(found)]


async def test_a_part_is_captured_once_and_the_rest_released(api: HttpApi) -> None:
    intent = await captured(api, part="400")
    body = await shown(api, intent)
    assert (body["status"], body["amount"], body["amount_received"]) == ("succeeded", 1_000, 400)
    assert body["amount_capturable"] == 0
    assert (await post(api, f"{INTENTS}/{intent}/capture", {})).status == 400
    assert (await post(api, "/v1/refunds", {"payment_intent": intent})).body["amount"] == 400


async def test_a_hold_expires_after_seven_days(api: HttpApi, bank: Bank) -> None:
    intent = await held(api)
    await bank.wait(7 * DAY - 60)
    assert (await shown(api, intent))["status"] == "requires_capture"
    await bank.wait(120)
    body = await shown(api, intent)
    assert (body["status"], body["cancellation_reason"]) == ("canceled", "automatic")
    assert (await post(api, f"{INTENTS}/{intent}/capture", {})).status == 400
    assert await kinds(api, intent) == ["payment_intent.canceled"]


async def test_a_refund_begins_as_pending_and_arrives(api: HttpApi, bank: Bank) -> None:
    intent = await captured(api, "pm_card_pendingRefund")
    refund = (await post(api, "/v1/refunds", {"payment_intent": intent})).body
    assert refund["status"] == "pending"
    await bank.wait(61)
    assert (await refund_of(api, intent))["status"] == "succeeded"
    assert await kinds(api, intent) == ["charge.refund.updated", "refund.updated"]


async def test_a_refund_fails_later_and_the_money_is_back(api: HttpApi, bank: Bank) -> None:
    intent = await captured(api, "pm_card_refundFail")
    refund = (await post(api, "/v1/refunds", {"payment_intent": intent})).body
    assert refund["status"] == "succeeded"
    assert (await shown(api, intent))["latest_charge"]["refunded"]
    await bank.wait(61)
    failed = await refund_of(api, intent)
    assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert (await shown(api, intent))["latest_charge"]["amount_refunded"] == 0
    assert await kinds(api, intent) == ["charge.refund.updated", "refund.failed"]
    assert (await post(api, "/v1/refunds", {"payment_intent": intent})).ok


async def test_no_more_is_refunded_than_is_left_and_a_key_is_for_one_refund(api: HttpApi) -> None:
    intent, payments = await captured(api), StripePayments(api)
    form = {"payment_intent": intent, "amount": "600"}
    first = (await post(api, "/v1/refunds", form, key=intent)).body
    assert (first["amount"], first["status"]) == (600, "succeeded")
    assert (await post(api, "/v1/refunds", form, key=intent)).body == first

    other = await post(api, "/v1/refunds", form | {"amount": "300"}, key=intent)
    assert (other.status, other.body["error"]["type"]) == (400, "idempotency_error")
    foreign = await post(api, "/v1/refunds", form | {"currency": "eur"})
    assert foreign.body["error"]["code"] == "parameter_unknown"
    with pytest.raises(RefundRefused, match=r"USD 5 cannot be refunded: USD 4\.00 is left"):
        await payments.refund_part(f"{intent}/more", intent, "r1", Decimal(5), "USD")
    assert (await payments.refund(f"{intent}/rest", intent)).refunded == 10
    with pytest.raises(RefundRefused, match=r"USD 0\.00 is left \(charge_already_refunded"):
        await payments.refund_part(f"{intent}/again", intent, "r3", Decimal(1), "USD")


async def test_a_disputed_charge_is_not_refunded_and_the_dispute_can_be_lost(api: HttpApi) -> None:
    intent = await captured(api, "pm_card_createDispute")
    assert (await shown(api, intent))["latest_charge"]["disputed"]
    refused = await post(api, "/v1/refunds", {"payment_intent": intent})
    assert refused.body["error"]["code"] == "charge_disputed"
    [dispute] = (await send(api, "GET", f"/v1/disputes?payment_intent={intent}")).body["data"]
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 1_000)
    closed = await post(api, f"/v1/disputes/{dispute['id']}/close", {})
    assert closed.body["status"] == "lost"
    assert (await StripePayments(api).find(intent)).dispute == "lost"
    assert await kinds(api, intent) == ["charge.dispute.created", "charge.dispute.closed"]


async def test_events_are_listed_in_pages_and_for_30_days(api: HttpApi, bank: Bank) -> None:
    intents = [await captured(api, "pm_card_createDispute") for _ in range(3)]
    path, seen, after = "/v1/events?limit=2&types[]=charge.dispute.created", list[str](), ""
    while len(seen) < 3:
        page = (await send(api, "GET", path + after)).body
        assert len(page["data"]) <= 2
        seen += [one["data"]["object"]["payment_intent"] for one in page["data"]]
        after = f"&starting_after={page['data'][-1]['id']}"
    assert seen[:3] == intents[::-1]
    other = (await send(api, "GET", "/v1/events?types[]=refund.failed")).body["data"]
    assert {one["type"] for one in other} <= {"refund.failed"}
    await bank.wait(31 * DAY)
    assert (await send(api, "GET", path)).body["data"] == []


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[tuple[bytes, str]]]]:
    """A webhook endpoint that fails at first, and what it was sent."""
    sent: list[tuple[bytes, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((body, self.headers["Stripe-Signature"]))
            self.send_response(500 if len(sent) == 1 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", sent
        server.shutdown()


async def test_webhooks_are_signed_and_sent_again_until_they_are_taken(
    api: HttpApi, bank: Bank, endpoint: tuple[str, list[tuple[bytes, str]]]
) -> None:
    url, sent = endpoint
    added = (await post(api, "/v1/webhook_endpoints", {"url": url})).body
    intent = await captured(api, "pm_card_createDispute")
    until = time.monotonic() + 20
    while len(sent) < 2:
        assert time.monotonic() < until
        assert (await shown(api, intent))["id"] == intent
    bank.change("DELETE FROM webhook_endpoints WHERE id = ?", added["id"])
    (first, _), (second, signed) = sent[:2]
    assert first == second
    change = verified_change(second, signed, [added["secret"]], time.time())
    assert change is not None
    assert (change.kind, change.payment) == ("charge.dispute.created", intent)
    assert orjson.loads(second)["object"] == "event"
