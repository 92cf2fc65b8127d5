"""Each fault over the wire: the right error at the caller and the right line in the record."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal

import pytest

from agents.runtime.errors import AgentError, KeySpent, TransientError, UnknownOutcome
from agents.runtime.settings import Settings
from agents.services import Services, connect_services
from agents.services.carriers.protocol import BookingRefused, Carriers, Parcel
from agents.services.connections import SANDBOX_DEADLINES
from agents.services.http import HttpApi
from agents.services.inventory.protocol import Inventory, StockLine
from agents.services.notifications.protocol import Message, Notifications
from agents.services.payments.protocol import Declined, Payment, Payments
from agents.services.sandbox import endpoint
from agents.services.sandbox.operation import FAULTS_HEADER
from tests.agents.services.bare import send, stock
from tests.agents.services.conftest import AskRecord

FIVE = Decimal(5)

PARCEL = Parcel("o1", 500, "Ann", "1 Elm St", "", "Reno", "NV", "89501", "US")
AFTER_THE_WORK = ("timeout", "reset", "error", "truncated")


async def authorised(services: Services, name: str) -> Payment:
    payment = await services[Payments].open(f"{name}/open", name, FIVE, "USD", "pm_card_visa")
    return await services[Payments].authorise(f"{name}/authorise", payment.id)


@pytest.mark.slow
@pytest.mark.parametrize("kind", AFTER_THE_WORK)
async def test_captured_although_the_answer_is_lost(
    sandbox_settings: Settings, name: str, record: AskRecord, kind: str
) -> None:
    faults = f"payments.capture:{kind}=1"
    async with connect_services(sandbox_settings, faults=faults) as services:
        payment, key = await authorised(services, name), f"{name}/capture"
        started = time.monotonic()
        with pytest.raises(UnknownOutcome):
            await services[Payments].capture(key, payment.id)
        assert time.monotonic() - started < SANDBOX_DEADLINES.total + 1
        assert (await services[Payments].find(payment.id)).captured == FIVE
        if kind == "error":  # stored under the key, so only another key gets an answer
            with pytest.raises(KeySpent):
                await services[Payments].capture(key, payment.id)
            again, repeated = f"{key}.1", 400
        else:
            again, repeated = key, 200
        assert (await services[Payments].capture(again, payment.id)).captured == FIVE
    calls = "SELECT reference, fault, status FROM calls WHERE operation = ? AND key = ?"
    first = 500 if kind == "error" else 200
    assert record(calls, "payments.capture", key)[0] == (name, kind, first)
    assert record(calls, "payments.capture", again)[-1] == (name, "", repeated)
    taken = "SELECT count(*), sum(received) FROM payment_intents WHERE reference = ?"
    assert record(taken, name) == [(1, 500)]


async def test_asked_to_slow_down_once(
    sandbox_settings: Settings, name: str, record: AskRecord
) -> None:
    faults = "payments.open:rate_limit=1"
    async with connect_services(sandbox_settings, faults=faults) as services:
        with pytest.raises(TransientError) as caught:
            await services[Payments].open(name, name, FIVE, "USD", "pm_card_visa")
        assert type(caught.value) is TransientError
        assert caught.value.retry_after == 1
        assert record("SELECT count(*) FROM payment_intents WHERE reference = ?", name) == [(0,)]
        assert (
            await services[Payments].open(name, name, FIVE, "USD", "pm_card_visa")
        ).amount == FIVE
    faults_met = "SELECT fault, status FROM calls WHERE key = ?"
    assert record(faults_met, name) == [("rate_limit", 429), ("", 200)]


async def test_out_of_service_for_good(
    sandbox_settings: Settings, name: str, record: AskRecord
) -> None:
    async with connect_services(sandbox_settings, faults="carriers.book:outage=1") as services:
        for _ in range(3):
            with pytest.raises(TransientError) as caught:
                await services[Carriers][0].book(name, PARCEL)
            assert type(caught.value) is TransientError
    assert record("SELECT count(*) FROM shipments WHERE key = ?", name) == [(0,)]
    assert record("SELECT DISTINCT fault FROM calls WHERE key = ?", name) == [("outage",)]


async def test_slow_but_well(sandbox_settings: Settings, name: str) -> None:
    async with connect_services(sandbox_settings, faults="carriers.book:slow=1") as services:
        started = time.monotonic()
        await services[Carriers][0].book(name, PARCEL)
        assert time.monotonic() - started >= endpoint.SLOW_SECONDS


async def test_a_decline_is_for_good(sandbox_settings: Settings, name: str) -> None:
    faults = "payments.authorise:decline=1"
    async with connect_services(sandbox_settings, faults=faults) as services:
        payment = await services[Payments].open(f"{name}/open", name, FIVE, "USD", "pm_card_visa")
        for key in ("a", "a"):
            with pytest.raises(Declined, match="generic_decline"):
                await services[Payments].authorise(f"{name}/{key}", payment.id)
        assert (await services[Payments].cancel(f"{name}/c", payment.id)).status == "cancelled"


async def test_all_carriers_refuse(sandbox_settings: Settings, name: str) -> None:
    async with connect_services(sandbox_settings, faults="carriers.book:refuse=1") as services:
        for carrier in services[Carriers]:
            with pytest.raises(BookingRefused, match="capacity"):
                await carrier.book(name, PARCEL)


Act = Callable[[Services, str], Awaitable[object]]
CALLS: dict[str, Act] = {
    "inventory.reserve": lambda s, n: s[Inventory].reserve(n, [StockLine(n, 1)]),
    "inventory.issue": lambda s, n: s[Inventory].issue(n),
    "inventory.release": lambda s, n: s[Inventory].release(n),
    "payments.open": lambda s, n: s[Payments].open(n, n, FIVE, "USD", "pm_card_visa"),
    "carriers.book": lambda s, n: s[Carriers][1].book(n, PARCEL),
    "carriers.cancel": lambda s, n: s[Carriers][1].cancel(n),
    "notifications.send": lambda s, n: s[Notifications].send(n, Message("email", "a@b", "s", "t")),
}


@pytest.mark.parametrize("operation", CALLS)
async def test_every_operation_heeds_its_faults(
    sandbox_settings: Settings, api: HttpApi, name: str, record: AskRecord, operation: str
) -> None:
    await stock(api, name, 1)
    if operation == "inventory.issue":
        lines = {"lines": [{"sku": name, "quantity": 1}]}
        await send(api, "PUT", f"/inventory/reservations/{name}", lines)
    async with connect_services(sandbox_settings, faults=f"{operation}:reset=1") as services:
        with pytest.raises(UnknownOutcome):
            await CALLS[operation](services, name)
        with suppress(AgentError):
            await CALLS[operation](services, name)
    met = "SELECT fault FROM calls WHERE operation = ? AND key = ? ORDER BY n"
    assert record(met, operation, name) == [("reset",), ("",)]


async def test_a_bad_script_is_refused(api: HttpApi) -> None:
    api._headers[FAULTS_HEADER] = "nonsense"
    answer = await send(api, "PUT", "/inventory/stock/x", {"on_hand": 1, "weight_grams": 1})
    assert (answer.status, answer.body["error"]) == (400, "bad_faults")


@pytest.mark.parametrize(
    "header, token",
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("Basic YWJjOg==", "abc"),
        ("Basic !", ""),
        ("Digest abc", ""),
        ("", ""),
    ],
)
def test_the_token_of_a_header(header: str, token: str) -> None:
    assert endpoint.presented(header) == token
