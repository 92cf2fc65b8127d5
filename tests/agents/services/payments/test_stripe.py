"""The payment contract: one suite over the sandbox and over a Stripe server of another party."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import httpx
import pytest

from agents.runtime.errors import KeySpent, TransientError, UnknownOutcome
from agents.runtime.settings import Settings
from agents.services import connect_services
from agents.services.http import HttpApi
from agents.services.payments import stripe
from agents.services.payments.protocol import (
    NOTHING,
    Declined,
    Payment,
    PaymentCancelled,
    Payments,
    RefundRefused,
)
from agents.services.payments.stripe import StripePayments
from tests.agents.services.conftest import AskRecord
from tests.agents.services.payments.conftest import Peer

VISA = "pm_card_visa"
PRICE = Decimal("12.50")
KINDS = ("reset=0.1", "error=0.1", "truncated=0.1", "rate_limit=0.03")
STEPS = ("payments.open", "payments.authorise", "payments.capture")
DISTURBED = ";".join(f"{step}:{kind}" for step in STEPS for kind in KINDS)
DISTURBED += ";payments.capture:timeout=0.05"
INTENT = {"id": "pi_1", "status": "succeeded", "amount": 5, "currency": "eur"}
INTENT |= {"amount_received": 5, "amount_capturable": 0}
# A failure that is stored under its key: of an opening, only the list could say whether it was done.
DISTURBED = DISTURBED.replace("payments.open:error", "payments.open:failure")
MOST_REPEATS = 100  # a slow machine cannot connect 300 within two seconds


async def opened(peer: Peer, name: str, method: str = VISA) -> Payment:
    return await peer.payments.open(f"{name}/open", name, PRICE, "USD", method)


async def test_open_moves_no_money(peer: Peer, name: str) -> None:
    payment = await opened(peer, name)
    assert payment == Payment(payment.id, "open", PRICE, "USD")
    assert await peer.payments.find(payment.id) == payment


async def test_authorise_then_capture(peer: Peer, name: str) -> None:
    payment = await opened(peer, name)
    held = await peer.payments.authorise(f"{name}/authorise", payment.id)
    assert (held.status, held.captured) == ("authorised", NOTHING)
    taken = await peer.payments.capture(f"{name}/capture", payment.id)
    assert (taken.status, taken.captured, taken.refunded) == ("captured", PRICE, NOTHING)
    assert await peer.payments.find(payment.id) == taken


async def test_a_repetition_under_any_key_changes_nothing(peer: Peer, name: str) -> None:
    payment = await opened(peer, name)
    for key in ("a", "a", "b"):
        held = await peer.payments.authorise(f"{name}/authorise/{key}", payment.id)
        assert held.status == "authorised"
    for key in ("a", "a", "b"):
        taken = await peer.payments.capture(f"{name}/capture/{key}", payment.id)
        assert (taken.status, taken.captured) == ("captured", PRICE)


async def test_a_declined_card(peer: Peer, name: str) -> None:
    payment = await opened(peer, name, peer.declined)
    with pytest.raises(Declined) as caught:
        await peer.payments.authorise(f"{name}/authorise", payment.id)
    assert caught.value.code in ("insufficient_funds", "card_declined")
    assert (await peer.payments.find(payment.id)).status == "open"


async def test_an_unknown_payment_method(peer: Peer, name: str) -> None:
    with pytest.raises(Declined):
        await opened(peer, name, "no_such_method" if peer.name == "sandbox" else "pm_nobody")


@pytest.mark.parametrize("authorised", [False, True])
async def test_cancel_closes_the_payment(peer: Peer, name: str, authorised: bool) -> None:
    payment = await opened(peer, name)
    if authorised:
        await peer.payments.authorise(f"{name}/authorise", payment.id)
    for key in ("a", "a", "b"):
        closed = await peer.payments.cancel(f"{name}/cancel/{key}", payment.id)
        assert (closed.status, closed.captured) == ("cancelled", NOTHING)
    with pytest.raises(PaymentCancelled):
        await peer.payments.authorise(f"{name}/late", payment.id)
    assert (await peer.payments.find(payment.id)).status == "cancelled"


async def test_cancel_returns_a_captured_payment_as_it_is(peer: Peer, name: str) -> None:
    payment = await opened(peer, name)
    await peer.payments.authorise(f"{name}/authorise", payment.id)
    await peer.payments.capture(f"{name}/capture", payment.id)
    kept = await peer.payments.cancel(f"{name}/cancel", payment.id)
    assert (kept.status, kept.captured) == ("captured", PRICE)


async def test_refund_returns_all_once(peer: Peer, name: str) -> None:
    payment = await opened(peer, name)
    await peer.payments.authorise(f"{name}/authorise", payment.id)
    await peer.payments.capture(f"{name}/capture", payment.id)
    for key in ("a", "a", "b"):
        returned = await peer.payments.refund(f"{name}/refund/{key}", payment.id)
        assert (returned.status, returned.captured, returned.refunded) == ("captured", PRICE, PRICE)
        assert await peer.payments.find(payment.id) == returned


async def captured(peer: Peer, name: str) -> Payment:
    payment = await opened(peer, name)
    await peer.payments.authorise(f"{name}/authorise", payment.id)
    return await peer.payments.capture(f"{name}/capture", payment.id)


async def test_a_part_goes_back_once_for_each_reference_under_any_key(
    peer: Peer, name: str
) -> None:
    payment, part = await captured(peer, name), Decimal("2.50")
    for key in ("a", "a", "b"):
        for reference, amount in ((f"{name}/1", part), (f"{name}/2", 2 * part)):
            refund = await peer.payments.refund_part(
                f"{name}/{key}/{amount}", payment.id, reference, amount, "USD"
            )
            assert (refund.arrived, refund.amount, refund.currency) == (True, amount, "USD")
    assert (await peer.payments.find(payment.id)).refunded == 3 * part
    known = {r.reference: r.amount for r in await peer.payments.refunds(payment.id)}
    assert known == {f"{name}/1": part, f"{name}/2": 2 * part}


async def test_another_currency_than_that_of_the_payment_is_not_refunded(
    peer: Peer, name: str
) -> None:
    payment = await captured(peer, name)
    with pytest.raises(RefundRefused, match=r"EUR 1 cannot be refunded: payment \S+ is in USD"):
        await peer.payments.refund_part(f"{name}/r", payment.id, name, Decimal(1), "EUR")
    assert (await peer.payments.find(payment.id)).refunded == NOTHING


async def test_nothing_captured_is_nothing_to_refund(peer: Peer, name: str) -> None:
    payment = await opened(peer, name)
    assert await peer.payments.refund(f"{name}/refund", payment.id) == payment


async def test_a_listing_shows_all_payments_once_as_they_stand(
    peer: Peer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "PAGE", 2)
    begun = time.time() - 5
    made = {step: await opened(peer, f"{name}/{step}") for step in (*"abc", "held", "cancelled")}
    for step in ("a", "b", "held"):
        await peer.payments.authorise(f"{name}/authorise/{step}", made[step].id)
    for step in ("a", "b"):
        await peer.payments.capture(f"{name}/capture/{step}", made[step].id)
    await peer.payments.refund(f"{name}/refund", made["b"].id)
    await peer.payments.cancel(f"{name}/cancel", made["cancelled"].id)

    pages = [page async for page in peer.payments.listed(begun)]

    listed = [one for page in pages for one in page if one.reference.startswith(name)]
    assert max(map(len, pages)) <= 2
    assert len(listed) == len({one.payment.id for one in listed}) == len(made)
    for one in listed:
        assert one.payment == await peer.payments.find(one.payment.id), one
        assert begun < one.created < time.time() + 5
    later = [one async for page in peer.payments.listed(time.time() + 60) for one in page]
    assert later == []


async def test_what_the_bank_has_not_decided_is_listed_as_processing() -> None:
    body = INTENT | {"status": "processing", "created": 9}
    payments = answering([], 200, {"data": [body], "has_more": False})
    [[one]] = [page async for page in payments.listed(0)]
    assert (one.payment.status, one.payment.captured, one.reference) == ("processing", NOTHING, "")


async def test_an_unknown_payment_is_no_reason_to_undo(peer: Peer) -> None:
    with pytest.raises(TransientError):
        await peer.payments.find("pi_nobody")
    with pytest.raises(TransientError):
        await peer.payments.authorise("k", "pi_nobody")


@pytest.mark.campaign
async def test_300_orders_and_every_third_call_disturbed(
    sandbox_settings: Settings, name: str, record: AskRecord
) -> None:
    """Repeated under the same key while that may help: each order is charged once and in full."""
    async with connect_services(sandbox_settings, faults=DISTURBED) as services:

        async def pay(number: int) -> Payment:
            of, pay = f"{name}/{number}", services[Payments]
            opened = await repeated(
                f"{of}/o", lambda key: pay.open(key, of, Decimal(7), "USD", VISA)
            )
            await repeated(f"{of}/a", lambda key: pay.authorise(key, opened.id))
            return await repeated(f"{of}/c", lambda key: pay.capture(key, opened.id))

        paid = await asyncio.gather(*(pay(number) for number in range(300)))
    assert all(payment.captured == 7 for payment in paid)
    taken = "SELECT count(*), count(DISTINCT reference), sum(received) FROM payment_intents"
    assert record(f"{taken} WHERE reference LIKE ?", f"{name}/%") == [(300, 300, 300 * 700)]
    met = "SELECT count(*), count(DISTINCT fault) FROM calls WHERE fault <> '' AND key LIKE ?"
    ((disturbed, kinds),) = record(met, f"{name}/%")
    assert disturbed > 200
    assert kinds == 6


async def repeated(key: str, act: Callable[[str], Awaitable[Payment]]) -> Payment:
    for _ in range(MOST_REPEATS):
        try:
            return await act(key)
        except KeySpent:
            key += ".1"
        except TransientError:
            pass
    return await act(key)


def answering(seen: list[httpx.Request], status: int, body: object) -> StripePayments:
    """Payments over a provider that always answers this."""

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, stream=httpx.ByteStream(json.dumps(body).encode()))

    return StripePayments(HttpApi("payments", "http://s", transport=httpx.MockTransport(answer)))


async def test_key_and_reference_are_on_the_wire() -> None:
    seen: list[httpx.Request] = []
    body = INTENT | {"status": "requires_confirmation"}
    payments = answering(seen, 200, body)
    await payments.open("key-1", "order 1", Decimal("0.05"), "EUR", VISA)
    await payments.authorise("key-2", "pi_1")
    await payments.capture("key-3", "pi_1")
    await payments.cancel("key-4", "pi_1")
    assert [request.headers["Idempotency-Key"] for request in seen] == [
        f"key-{number}" for number in (1, 2, 3, 4)
    ]
    form = seen[0].content.decode()
    assert "metadata%5Breference%5D=order+1" in form
    assert "capture_method=manual" in form
    assert "currency=eur" in form


async def test_a_bank_that_wants_to_ask_the_customer_declines() -> None:
    body = INTENT | {"status": "requires_action"}
    with pytest.raises(Declined, match="authentication_required"):
        await answering([], 200, body).authorise("k", "pi_1")


@pytest.mark.parametrize("left_out", ["id", "status", "amount", "amount_received", "currency"])
async def test_an_answer_without_an_outcome_is_unknown(left_out: str) -> None:
    body = {name: value for name, value in INTENT.items() if name != left_out}
    with pytest.raises(UnknownOutcome):
        await answering([], 200, body).capture("k", "pi_1")


async def test_a_call_in_flight_is_transient() -> None:
    body = {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}
    with pytest.raises(TransientError) as caught:
        await answering([], 409, body).capture("k", "pi_1")
    assert type(caught.value) is TransientError


async def test_a_card_error_at_capture_is_a_decline() -> None:
    body = {"error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}}
    with pytest.raises(Declined, match="lost_card"):
        await answering([], 402, body).capture("k", "pi_1")
