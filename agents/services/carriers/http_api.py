"""A carrier behind a small HTTP contract; the sandbox's two carriers speak it, and so can your own.

Every request carries `Authorization: Bearer <token>`. Keys are percent-encoded. Bodies are JSON.

PUT    /shipments/{key}   book the parcel: {"reference", "weight_grams", "name", "line1", "line2",
                          "city", "state", "postal_code", "country"}
GET    /shipments/{key}   the shipment, or 404
GET    /shipments?since=&after=&limit=
                          by key: those booked since then, seconds since 1970, whose keys come
                          after that one: {"shipments": [...], "has_more": false}
DELETE /shipments/{key}   cancel it and close the key, seen or not

A shipment is {"tracking_id", "status": "booked" | "cancelled"}, in the listing also {"key",
"created"}. It may have "arrives_on", the day on which the carrier promises to deliver it (ISO 8601).
Each call is idempotent by key. A call that takes longer may answer the status "pending": it is looked up.
422 {"rule", "message"}: this carrier does not take this parcel. 409 {"error": "closed"}: cancelled
before, the key never books again.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import date
from urllib.parse import quote, urlencode

from agents.services.carriers.protocol import (
    Booking,
    BookingRefused,
    Carriers,
    ListedBooking,
    Parcel,
)
from agents.services.connections import Connections
from agents.services.http import Body, Call, HttpApi
from agents.services.paging import PAGE, Page, pages
from agents.services.statuses import require_status

SANDBOX_CARRIERS = ("swift", "bulky")


class HttpCarrier:
    """The carrier `name` at `api`."""

    def __init__(self, name: str, api: HttpApi) -> None:
        self.name, self._api = name, api

    async def book(self, key: str, parcel: Parcel) -> Booking:
        """Book the parcel. Raises BookingRefused, TransientError, UnknownOutcome."""
        call = Call("book", "PUT", _path(key), json=asdict(parcel), answers=frozenset({409, 422}))
        answer = await self._api.call(call)
        if answer.status == 422:
            raise BookingRefused(
                self.name, f"{answer.body.get('rule', 'refused')}: {answer.body.get('message', '')}"
            )
        if not answer.ok:
            raise answer.rejected(str(answer.body.get("error", "")))
        booked = answer.parsed(self._booking)
        require_status(f"booking {key} at {self.name}", booked.status, {"booked"})
        return booked

    async def find(self, key: str) -> Booking | None:
        """The booking under this key, if there is one."""
        answer = await self._api.read("find", _path(key), 404)
        return answer.parsed(self._booking) if answer.ok else None

    def listed(self, since: float) -> AsyncIterator[list[ListedBooking]]:
        """All bookings made since then, page by page. Raises TransientError."""

        async def read(after: str) -> Page[ListedBooking]:
            query = urlencode({"since": since, "after": after, "limit": PAGE})
            return (await self._api.read("list", f"/shipments?{query}")).parsed(self._page)

        return pages(read, lambda listed: listed.key)

    async def cancel(self, key: str) -> None:
        """Cancel the booking and close the key; also for a key never seen."""
        answer = await self._api.call(Call("cancel", "DELETE", _path(key)))
        cancelled = answer.parsed(self._booking)
        require_status(f"booking {key} at {self.name}", cancelled.status, {"cancelled"})

    def _page(self, body: Body) -> Page[ListedBooking]:
        rows = [
            ListedBooking(str(s["key"]), self._booking(s), float(s["created"]))
            for s in body["shipments"]
        ]
        return Page(rows, bool(body["has_more"]))

    def _booking(self, body: Body) -> Booking:
        arrives_on = _day(body.get("arrives_on"))
        return Booking(self.name, str(body["tracking_id"]), str(body["status"]), arrives_on)


def connect(here: Connections) -> Carriers:
    """The carriers that the settings name, else the sandbox's."""
    own = here.settings.carriers
    if own:
        return Carriers(HttpCarrier(c.name, here.api(c.name, "", c.url, c.token)) for c in own)
    return Carriers(
        HttpCarrier(name, here.api(name, f"/carriers/{name}")) for name in SANDBOX_CARRIERS
    )


def _day(value: object) -> str:
    """A day as ISO 8601; nothing for anything else, since no booking must fail because of it."""
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) else ""
    except ValueError:
        return ""


def _path(key: str) -> str:
    return f"/shipments/{quote(key, safe='')}"
