"""The warehouse behind the contract: bad bodies are refused, stock is set and never filled twice."""

import pytest

from agents.services.http import Body, HttpApi
from tests.agents.services.bare import send, stock


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"lines": []},
        {"lines": {}},
        {"lines": ["x"]},
        {"lines": [{"sku": 5, "quantity": 1}]},
        {"lines": [{"sku": "x"}]},
        {"lines": [{"sku": "x", "quantity": 0}]},
        {"lines": [{"sku": "x", "quantity": True}]},
        {"lines": [{"sku": "x", "quantity": 2**60}]},
    ],
)
async def test_a_bad_reservation_is_refused(api: HttpApi, name: str, body: Body | None) -> None:
    assert (await send(api, "PUT", f"/inventory/reservations/{name}", body)).status == 400


async def test_stock_is_set_around_what_is_held(api: HttpApi, name: str) -> None:
    await stock(api, name, 5)
    lines = {"lines": [{"sku": name, "quantity": 2}]}
    assert (await send(api, "PUT", f"/inventory/reservations/{name}", lines)).ok
    await stock(api, name, 10)
    body = (await send(api, "GET", f"/inventory/stock/{name}")).body
    assert (body["initial"], body["on_hand"], body["reserved"]) == (12, 10, 2)


async def test_goods_are_added_once(api: HttpApi, name: str) -> None:
    for on_hand in (5, 50):
        goods = [{"sku": name, "on_hand": on_hand, "weight_grams": 1}]
        assert (await send(api, "POST", "/inventory/stock", {"stock": goods})).ok
    assert (await send(api, "GET", f"/inventory/stock/{name}")).body["on_hand"] == 5


async def test_an_unknown_sku(api: HttpApi, name: str) -> None:
    assert (await send(api, "GET", f"/inventory/stock/{name}")).status == 404
