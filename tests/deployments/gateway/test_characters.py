"""Texts with NUL, which JSON allows and PostgreSQL does not store, are never an error of the gateway."""

import httpx

from tests.deployments.gateway.orders import order

NUL = "a\x00b"


async def test_texts_with_nul_are_no_error_of_the_gateway(client: httpx.AsyncClient) -> None:
    key = (await client.post("/v/orders", json=order())).json()["key"]
    new = {"name": "shop", "scopes": ["read"], "reason": NUL}
    found = [
        await client.post("/keys", json=new),
        await client.post("/login", data={"key": f"afk_{NUL}_x"}),
        await client.post(f"/v/orders/{key}/cancel", json={"reason": NUL}),
        await client.post("/queues/orders/pause", json={"reason": NUL}),
    ]
    assert all(400 <= answer.status_code < 500 or answer.is_success for answer in found), [
        (answer.status_code, answer.text) for answer in found
    ]
    assert (await client.get(f"/v/orders/{key}")).status_code == 200
