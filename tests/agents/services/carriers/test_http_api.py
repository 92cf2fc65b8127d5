"""The carrier's contract, over the sandbox."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime

import httpx
import orjson
import pytest

from agents.services import Services
from agents.services.carriers import http_api
from agents.services.carriers.http_api import HttpCarrier
from agents.services.carriers.protocol import BookingRefused, Carriers, Parcel
from agents.services.http import HttpApi, Rejected
from tests.agents.services.conftest import AskRecord

PARCEL = Parcel("o1", 500, "Ann", "1 Elm St", "", "Reno", "NV", "89501", "US")


async def test_a_parcel_is_booked_once(services: Services, name: str, record: AskRecord) -> None:
    swift = services[Carriers][0]
    booking = await swift.book(name, PARCEL)
    assert (booking.carrier, booking.status) == ("swift", "booked")
    assert booking.tracking_id
    assert await swift.book(name, PARCEL) == booking
    assert await swift.find(name) == booking
    assert record("SELECT count(*) FROM shipments WHERE key = ?", name) == [(1,)]
    today = datetime.now(UTC).date()
    days = [(date.fromisoformat(booking.arrives_on) - today).days]
    days += [(date.fromisoformat((await one.book(name, PARCEL)).arrives_on) - today).days
             for one in services[Carriers][1:]]  # fmt: skip
    assert days == [2, 5]


@pytest.mark.parametrize("said", [None, "", "soon", "2026-13-01", 7, ["2026-12-01"]])
async def test_what_is_no_day_is_left_out_and_fails_no_booking(said: object) -> None:
    body = {"tracking_id": "X1", "status": "booked", "arrives_on": said}
    content = orjson.dumps(body)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(content)))
    async with HttpApi("own", "http://carrier", transport=transport) as api:
        assert (await HttpCarrier("own", api).book("k", PARCEL)).arrives_on == ""


@pytest.mark.parametrize("booked_before", [True, False])
async def test_a_cancelled_key_never_books_again(
    services: Services, name: str, booked_before: bool
) -> None:
    swift = services[Carriers][0]
    if booked_before:
        await swift.book(name, PARCEL)
    await swift.cancel(name)
    await swift.cancel(name)
    with pytest.raises(Rejected, match="closed"):
        await swift.book(name, PARCEL)
    found = await swift.find(name)
    assert found is not None
    assert found.status == "cancelled"


async def test_carriers_know_nothing_of_each_other(services: Services, name: str) -> None:
    swift, bulky = services[Carriers]
    await swift.cancel(name)
    assert await bulky.find(name) is None
    assert (await bulky.book(name, PARCEL)).carrier == "bulky"


async def test_a_listing_shows_a_carriers_bookings_once_as_they_stand(
    services: Services, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_api, "PAGE", 2)
    swift, bulky = services[Carriers]
    begun = time.time()
    keys = [f"{name}/{number}" for number in range(5)]
    for key in keys[:4]:
        await swift.book(key, PARCEL)
    await swift.cancel(keys[1])
    await swift.cancel(keys[4])
    await bulky.book(f"{name}/bulky", PARCEL)

    pages = [page async for page in swift.listed(begun)]

    mine = [one for page in pages for one in page if one.key.startswith(name)]
    assert max(map(len, pages)) <= 2
    assert [(one.key, one.booking) for one in mine] == [(k, await swift.find(k)) for k in keys]
    assert all(begun <= one.created <= time.time() for one in mine)
    assert [page async for page in swift.listed(time.time() + 60)] == []


@pytest.mark.parametrize(
    "carrier, parcel, rule",
    [
        (0, replace(PARCEL, weight_grams=5_001), "weight"),
        (0, replace(PARCEL, country="CA"), "country"),
        (1, replace(PARCEL, weight_grams=30_001), "weight"),
        (1, replace(PARCEL, country="DE"), "country"),
        (0, replace(PARCEL, line1="P.O. Box 12"), "po_box"),
        (1, replace(PARCEL, line1="po box 7"), "po_box"),
        (1, replace(PARCEL, postal_code=" "), "postal_code"),
    ],
)
async def test_a_carrier_refuses_what_its_terms_exclude(
    services: Services, name: str, carrier: int, parcel: Parcel, rule: str
) -> None:
    with pytest.raises(BookingRefused) as caught:
        await services[Carriers][carrier].book(name, parcel)
    assert caught.value.reason.startswith(f"{rule}: ")
    assert await services[Carriers][carrier].find(name) is None


async def test_the_other_carrier_takes_it(services: Services, name: str) -> None:
    heavy = replace(PARCEL, weight_grams=30_000, country="MX")
    assert (await services[Carriers][1].book(name, heavy)).status == "booked"
