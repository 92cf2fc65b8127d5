"""Keys at the sandbox's payment provider are as strict as Stripe's: a stored answer is sent for ever."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from agents.services.http import LONGEST_KEY, REPLAYED
from agents.services.sandbox import endpoint
from agents.services.sandbox.address import read_address
from agents.services.sandbox.idempotency import KEY_SECONDS
from agents.services.sandbox.operation import FAULTS_HEADER
from agents.services.sandbox.record import open_record
from agents.services.systems import operations, schema
from tests.agents.services.conftest import AskRecord

INTENTS = "/v1/payment_intents"
FORM = {"amount": "500", "currency": "usd", "payment_method": "pm_card_visa"}


async def post(
    data: Path, key: str, form: dict[str, str] = FORM, faults: str = "", path: str = INTENTS
) -> httpx.Response:
    """Send the form with the key; the answer as it is on the wire."""
    address = read_address(data)
    assert address is not None
    headers = {"Authorization": f"Bearer {address.token}", "Idempotency-Key": key}
    headers |= {FAULTS_HEADER: faults} if faults else {}
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:  # without TLS
        return await client.post(address.url + path, data=form, headers=headers)


@pytest.mark.parametrize("kind, done", [("error", 1), ("failure", 0)])
async def test_a_failure_is_stored_and_sent_again(
    sandbox_data: Path, name: str, record: AskRecord, kind: str, done: int
) -> None:
    form = {**FORM, "metadata[reference]": name}
    first = await post(sandbox_data, name, form, f"payments.open:{kind}=1")
    again = [await post(sandbox_data, name, form) for _ in range(3)]
    assert (first.status_code, REPLAYED in first.headers) == (500, False)
    assert first.json()["error"]["type"] == "api_error"
    for answer in again:
        assert (answer.status_code, answer.headers[REPLAYED]) == (500, "true")
        assert answer.json() == first.json()
    made = "SELECT count(*) FROM payment_intents WHERE reference = ?"
    assert record(made, name) == [(done,)]
    assert (await post(sandbox_data, f"{name}.1", form)).status_code == 200


async def test_the_next_key_does_not_meet_the_fault_again(sandbox_data: Path, name: str) -> None:
    form = {**FORM, "metadata[reference]": name}
    script = "payments.open:failure=1"
    answers = [await post(sandbox_data, key, form, script) for key in (name, name, f"{name}.1")]
    assert [answer.status_code for answer in answers] == [500, 500, 200]


async def test_a_success_is_sent_again_too(sandbox_data: Path, name: str) -> None:
    first, again = [await post(sandbox_data, name) for _ in range(2)]
    assert REPLAYED not in first.headers
    assert (again.json(), again.headers[REPLAYED]) == (first.json(), "true")


async def test_a_stored_failure_with_other_parameters_is_an_error(
    sandbox_data: Path, name: str
) -> None:
    await post(sandbox_data, name, faults="payments.open:failure=1")
    other = await post(sandbox_data, name, {**FORM, "amount": "501"})
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


async def test_a_key_is_in_use_while_its_first_call_is_in_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "SLOW_SECONDS", 0.5)
    db = open_record(tmp_path, schema())
    [opening] = [one for one in operations() if one.name == "payments.open"]
    app = Starlette(routes=[endpoint.route(db, opening)])
    headers = {"Idempotency-Key": "k", FAULTS_HEADER: "payments.open:slow=1"}
    with closing(db):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://sandbox", headers=headers
        ) as client:
            first = asyncio.create_task(client.post(INTENTS, data=FORM))
            while not db.execute("SELECT 1 FROM calls").fetchone():  # noqa: ASYNC110 - only the record tells
                await asyncio.sleep(0)
            meanwhile = await client.post(INTENTS, data=FORM)
            after = await first, await client.post(INTENTS, data=FORM)
    assert (meanwhile.status_code, meanwhile.json()["error"]["code"]) == (
        409,
        "idempotency_key_in_use",
    )
    assert [answer.status_code for answer in after] == [200, 200]
    assert after[0].json() == after[1].json()


@pytest.mark.parametrize(
    "first, status",
    [
        ({"form": {**FORM, "amount": "0"}}, 400),
        ({"form": {**FORM, "colour": "red"}}, 400),
        ({"form": {**FORM, "currency": "dollars"}}, 400),
        ({"faults": "payments.open:rate_limit=1"}, 429),
        ({"faults": "payments.open:outage=1"}, 503),
        ({"path": f"{INTENTS}/pi_nobody/cancel", "form": {}}, 404),
    ],
)
async def test_what_comes_before_the_work_leaves_the_key_unused(
    sandbox_data: Path, name: str, first: dict[str, object], status: int
) -> None:
    assert (await post(sandbox_data, name, **first)).status_code == status  # type: ignore[arg-type]  # as above
    done = await post(sandbox_data, name)
    assert (done.status_code, REPLAYED in done.headers) == (200, False)


async def test_a_key_that_is_too_long(sandbox_data: Path, name: str) -> None:
    longest = name.ljust(LONGEST_KEY, "x")
    assert (await post(sandbox_data, longest)).status_code == 200
    refused = await post(sandbox_data, f"{longest}x")
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")


async def test_a_stored_failure_is_forgotten_after_a_day(sandbox_data: Path, name: str) -> None:
    await post(sandbox_data, name, faults="payments.open:failure=1")
    with closing(sqlite3.connect(sandbox_data / "sandbox.db")) as db, db:
        db.execute(
            "UPDATE idempotency_keys SET created = ? WHERE key = ?",
            (time.time() - KEY_SECONDS - 1, name),
        )
    assert (await post(sandbox_data, name)).status_code == 200
