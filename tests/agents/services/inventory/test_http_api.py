"""The warehouse's contract, over the sandbox."""

import asyncio
import time

import pytest

from agents.runtime.errors import TransientError
from agents.services import Services
from agents.services.http import HttpApi, Rejected
from agents.services.inventory import http_api
from agents.services.inventory.protocol import (
    Inventory,
    OutOfStock,
    Reservation,
    StockLine,
    TakenBack,
    UnknownSku,
)
from tests.agents.services.bare import send, stock
from tests.agents.services.conftest import AskRecord


async def left(api: HttpApi, sku: str) -> tuple[int, int, int]:
    body = (await send(api, "GET", f"/inventory/stock/{sku}")).body
    assert body["on_hand"] + body["reserved"] + body["shipped"] == body["initial"]
    return body["on_hand"], body["reserved"], body["shipped"]


async def test_pieces_are_held_then_leave(services: Services, api: HttpApi, name: str) -> None:
    await stock(api, name, 5, weight_grams=250)
    held = await services[Inventory].reserve(name, [StockLine(name, 2)])
    assert held == Reservation(name, "held", 500)
    assert await left(api, name) == (3, 2, 0)
    assert await services[Inventory].issue(name) == Reservation(name, "issued", 500)
    assert await services[Inventory].issue(name) == Reservation(name, "issued", 500)
    assert await left(api, name) == (3, 0, 2)
    with pytest.raises(Rejected, match="issued"):
        await services[Inventory].release(name)


async def test_the_same_key_holds_once(services: Services, api: HttpApi, name: str) -> None:
    await stock(api, name, 5)
    lines = [StockLine(name, 1), StockLine(name, 1)]
    first = await services[Inventory].reserve(name, lines)
    assert await services[Inventory].reserve(name, [StockLine(name, 2)]) == first
    assert await services[Inventory].find(name) == first
    assert await left(api, name) == (3, 2, 0)
    with pytest.raises(Rejected, match="other_lines"):
        await services[Inventory].reserve(name, [StockLine(name, 3)])


async def test_all_lines_or_none(services: Services, api: HttpApi, name: str) -> None:
    await stock(api, f"{name}-a", 5)
    await stock(api, f"{name}-b", 1)
    lines = [StockLine(f"{name}-a", 1), StockLine(f"{name}-b", 2)]
    with pytest.raises(OutOfStock) as caught:
        await services[Inventory].reserve(name, lines)
    assert (caught.value.sku, caught.value.wanted, caught.value.available) == (f"{name}-b", 2, 1)
    with pytest.raises(UnknownSku):
        await services[Inventory].reserve(name, [lines[0], StockLine("nowhere", 1)])
    assert await left(api, f"{name}-a") == (5, 0, 0)
    assert await services[Inventory].find(name) is None


@pytest.mark.parametrize("reserved_before", [True, False])
async def test_a_released_key_never_holds_again(
    services: Services, api: HttpApi, name: str, reserved_before: bool
) -> None:
    await stock(api, name, 5)
    if reserved_before:
        await services[Inventory].reserve(name, [StockLine(name, 2)])
    assert (await services[Inventory].release(name)).status == "released"
    assert (await services[Inventory].release(name)).status == "released"
    with pytest.raises(Rejected, match="closed"):
        await services[Inventory].reserve(name, [StockLine(name, 2)])
    with pytest.raises(Rejected, match="closed"):
        await services[Inventory].issue(name)
    assert await left(api, name) == (5, 0, 0)


async def test_pieces_that_have_left_are_taken_back_once(
    services: Services, api: HttpApi, name: str
) -> None:
    await stock(api, name, 5)
    warehouse, back = services[Inventory], f"{name}/back"
    await warehouse.reserve(name, [StockLine(name, 3)])
    await warehouse.issue(name)
    assert await warehouse.find_taken_back(back) is None
    for _ in range(2):
        taken = await warehouse.take_back(back, [StockLine(name, 2)])
        assert (taken, await left(api, name)) == (TakenBack(back, {name: 2}), (4, 0, 1))
    assert await warehouse.find_taken_back(back) == TakenBack(back, {name: 2})
    with pytest.raises(Rejected, match="other_lines"):
        await warehouse.take_back(back, [StockLine(name, 1)])
    with pytest.raises(Rejected, match="never_left"):
        await warehouse.take_back(f"{back}2", [StockLine(name, 2)])
    with pytest.raises(UnknownSku):
        await warehouse.take_back(f"{back}3", [StockLine("nowhere", 1)])
    assert await left(api, name) == (4, 0, 1)


async def test_an_unknown_reservation_cannot_leave(services: Services, name: str) -> None:
    with pytest.raises(TransientError, match="404"):
        await services[Inventory].issue(name)


async def test_keys_may_hold_any_printable_sign(
    services: Services, api: HttpApi, name: str
) -> None:
    await stock(api, name, 5)
    key = f"{name}/../a b?c#d%2F&e=é/release"
    assert (await services[Inventory].reserve(key, [StockLine(name, 1)])).key == key
    assert (await services[Inventory].issue(key)).key == key


async def test_a_listing_shows_all_reservations_once_as_they_stand(
    services: Services, api: HttpApi, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_api, "PAGE", 2)
    begun = time.time()
    await stock(api, name, 9)
    keys = [f"{name}/{sign}" for sign in ("a", "b c", "d&e=é", "f", "g")]
    for key in keys[:4]:
        await services[Inventory].reserve(key, [StockLine(name, 2)])
    await services[Inventory].issue(keys[0])
    for key in keys[3:]:
        await services[Inventory].release(key)

    pages = [page async for page in services[Inventory].listed(begun)]

    mine = [one for page in pages for one in page if one.reservation.key.startswith(name)]
    assert max(map(len, pages)) <= 2
    assert [one.reservation for one in mine] == [await services[Inventory].find(k) for k in keys]
    assert all(begun <= one.created <= time.time() for one in mine)
    assert [page async for page in services[Inventory].listed(time.time() + 60)] == []
    for query in ("limit=0", "limit=101", "limit=x", "since=soon"):
        assert (await send(api, "GET", f"/inventory/reservations?{query}")).status == 400


@pytest.mark.slow
async def test_500_buyers_of_100_pieces(
    services: Services, api: HttpApi, name: str, record: AskRecord
) -> None:
    await stock(api, name, 100)

    async def buy(number: int) -> bool:
        while True:
            try:
                await services[Inventory].reserve(f"{name}/{number}", [StockLine(name, 1)])
            except OutOfStock:
                return False
            except TransientError:  # 500 at once on a busy machine: again under the same key
                continue
            return True

    bought = await asyncio.gather(*(buy(number) for number in range(500)))
    assert sum(bought) == 100
    assert await left(api, name) == (0, 100, 0)
    held = "SELECT sum(quantity) FROM reservation_lines WHERE sku = ?"
    assert record(held, name) == [(100,)]
