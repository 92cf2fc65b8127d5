"""What the sandbox's payment provider keeps of Stripe's rules, and what the adapter never asks."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agents.services.http import HttpApi
from agents.services.sandbox.idempotency import KEY_SECONDS
from tests.agents.services.bare import Form, post, send

INTENTS = "/v1/payment_intents"
CARD = {"amount": "500", "currency": "usd", "payment_method": "pm_card_visa"}
MANUAL = {**CARD, "capture_method": "manual"}


async def test_the_same_key_brings_the_same_answer(api: HttpApi, name: str) -> None:
    first = await post(api, INTENTS, MANUAL, name)
    again = await post(api, INTENTS, MANUAL, name)
    assert (again.status, again.body) == (first.status, first.body)
    other = await post(api, INTENTS, MANUAL)
    assert other.body["id"] != first.body["id"]


async def test_the_same_key_with_other_parameters_is_an_error(api: HttpApi, name: str) -> None:
    await post(api, INTENTS, MANUAL, name)
    other = await post(api, INTENTS, {**MANUAL, "amount": "501"}, name)
    assert (other.status, other.body["error"]["type"]) == (400, "idempotency_error")


async def test_a_decline_is_saved_under_its_key(api: HttpApi, name: str) -> None:
    form = {**MANUAL, "payment_method": "pm_card_chargeDeclinedLostCard"}
    intent = (await post(api, INTENTS, form)).body["id"]
    first = await post(api, f"{INTENTS}/{intent}/confirm", {}, name)
    again = await post(api, f"{INTENTS}/{intent}/confirm", {}, name)
    assert first.status == again.status == 402
    assert first.body == again.body
    assert first.body["error"]["decline_code"] == "lost_card"


async def test_a_bad_parameter_does_not_use_up_the_key(api: HttpApi, name: str) -> None:
    assert (await post(api, INTENTS, {**MANUAL, "amount": "0"}, name)).status == 400
    assert (await post(api, INTENTS, MANUAL, name)).status == 200


async def test_a_key_is_forgotten_after_a_day(api: HttpApi, name: str, sandbox_data: Path) -> None:
    first = await post(api, INTENTS, MANUAL, name)
    with closing(sqlite3.connect(sandbox_data / "sandbox.db")) as db, db:
        aged = "UPDATE idempotency_keys SET created = created - ? WHERE key = ?"
        db.execute(aged, (KEY_SECONDS + 1, name))
    assert (await post(api, INTENTS, MANUAL, name)).body["id"] != first.body["id"]


@pytest.mark.parametrize(
    "form, code",
    [
        ({**CARD, "amount": ""}, "parameter_missing"),
        ({**CARD, "amount": "-5"}, "parameter_invalid_integer"),
        ({**CARD, "amount": "1.5"}, "parameter_invalid_integer"),
        ({**CARD, "amount": "100000000"}, "amount_too_large"),
        ({**CARD, "currency": "dollars"}, "parameter_invalid"),
        ({**CARD, "payment_method": "nobody"}, "resource_missing"),
        ({**CARD, "colour": "red"}, "parameter_unknown"),
    ],
)
async def test_parameters_are_checked(api: HttpApi, form: Form, code: str) -> None:
    answer = await post(api, INTENTS, form)
    assert (answer.status, answer.body["error"]["code"]) == (400, code)


async def test_a_state_that_does_not_allow_it(api: HttpApi) -> None:
    intent = (await post(api, INTENTS, MANUAL)).body["id"]
    answer = await post(api, f"{INTENTS}/{intent}/capture", {})
    assert answer.status == 400
    assert answer.body["error"]["code"] == "payment_intent_unexpected_state"
    assert answer.body["error"]["payment_intent"]["id"] == intent


async def test_automatic_capture_and_partial_refunds(api: HttpApi) -> None:
    intent = (await post(api, INTENTS, CARD)).body["id"]
    paid = (await post(api, f"{INTENTS}/{intent}/confirm", {})).body
    assert (paid["status"], paid["amount_received"]) == ("succeeded", 500)
    for amount in ("200", "100"):
        assert (await post(api, "/v1/refunds", {"payment_intent": intent, "amount": amount})).ok
    too_much = await post(api, "/v1/refunds", {"payment_intent": intent, "amount": "201"})
    assert too_much.status == 400
    rest = await post(api, "/v1/refunds", {"payment_intent": intent})
    assert rest.body["amount"] == 200
    over = await post(api, "/v1/refunds", {"payment_intent": intent})
    assert over.body["error"]["code"] == "charge_already_refunded"
    listed = await send(api, "GET", f"/v1/refunds?payment_intent={intent}")
    assert sorted(one["amount"] for one in listed.body["data"]) == [100, 200, 200]


async def test_a_part_can_be_captured(api: HttpApi) -> None:
    intent = (await post(api, INTENTS, MANUAL)).body["id"]
    held = (await post(api, f"{INTENTS}/{intent}/confirm", {})).body
    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 500)
    taken = (await post(api, f"{INTENTS}/{intent}/capture", {"amount_to_capture": "300"})).body
    assert (taken["amount_received"], taken["amount_capturable"]) == (300, 0)


async def test_a_declined_card_can_be_replaced(api: HttpApi) -> None:
    form = {**MANUAL, "payment_method": "pm_card_chargeDeclined"}
    intent = (await post(api, INTENTS, form)).body["id"]
    assert (await post(api, f"{INTENTS}/{intent}/confirm", {})).status == 402
    assert (await post(api, f"{INTENTS}/{intent}/confirm", {})).status == 400
    better = await post(api, f"{INTENTS}/{intent}/confirm", {"payment_method": "pm_card_visa"})
    assert better.body["status"] == "requires_capture"


async def test_a_bank_that_asks_the_customer(api: HttpApi) -> None:
    form = {**MANUAL, "payment_method": "pm_card_authenticationRequired"}
    intent = (await post(api, INTENTS, form)).body["id"]
    waiting = await post(api, f"{INTENTS}/{intent}/confirm", {})
    assert (waiting.status, waiting.body["status"]) == (200, "requires_action")
    assert (await post(api, f"{INTENTS}/{intent}/cancel", {})).body["status"] == "canceled"
