"""Items over HTTP: what is accepted is in the journal, what is not is a problem with field and rule."""

import httpx

from tests.deployments.gateway.orders import order


async def test_an_order_is_accepted_and_read(client: httpx.AsyncClient) -> None:
    body = order()
    accepted = await client.post("/v/orders", json=body)
    assert accepted.status_code == 202, accepted.text
    found = await client.get(accepted.json()["status"])
    assert found.json() == {"key": body["order_id"], "state": "pending", "outcome": None}


async def test_a_bad_order_names_field_and_rule(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v/orders", json=order() | {"total": 1})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["field"], answer.json()["rule"]) == ("total", "sum-mismatch")


async def test_without_credentials_nothing_is_known(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v/orders/W1", headers={"x-test-principal": ""})
    assert answer.status_code == 401
